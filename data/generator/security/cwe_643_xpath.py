"""XPath injection: text of a caller becomes part of the expression that selects nodes."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="flask-lookup-in-document",
        cwe=643,
        surrounding="web",
        slots={
            "thing": ("book", "course", "recipe", "trail", "vessel"),
            "key": ("code", "title", "slug", "label"),
            "tree": ("CATALOGUE", "REGISTER", "COLLECTION", "HOLDINGS"),
        },
        template='''
  @app.get("/${thing}s")
  def show_$thing():
      """Show one $thing that is open to everybody."""
      $value = request.args.get("$key", "")
      tree = etree.parse($tree)
-     nodes = tree.xpath(f"/${thing}s/$thing[@$key='{$value}' and @public='yes']")
+     nodes = tree.xpath("/${thing}s/$thing[@$key=$$wanted and @public='yes']", wanted=$value)
?     $log.info("%d of the ${thing}s match", len(nodes))
      if not nodes:
          abort(404)
?     metrics.count("${thing}s.shown")
      return jsonify({child.tag: child.text for child in nodes[0]})
''',
    ),
    CodeFamily(
        name="price-list-which-quote-is-dropped",
        cwe=643,
        surrounding="file",
        slots={
            "function": ("quote_prices", "fill_prices", "price_rows", "answer_request"),
            "tag": ("item", "part", "article", "product"),
            "attribute": ("sku", "number", "code", "model"),
            "column": ("wanted", "ordered", "asked", "position"),
        },
        template='''
  def $function(price_list, request_path):
      """Yield the price of every $tag in the table that a dealer mailed."""
      root = ElementTree.parse(price_list).getroot()
      with open(request_path, newline="", encoding="utf-8") as source:
          for row in csv.DictReader(source):
?             # Spreadsheets leave quotation marks around some cells.
-             wanted = row["$column"].replace('"', "").strip()
+             wanted = row["$column"].replace("'", "").strip()
              node = root.find(f"./dealer/$tag[@$attribute='{wanted}']/price")
?             $log.debug("one more row of %d columns", len(row))
              yield row["$column"], node.text if node is not None else None
''',
    ),
    CodeFamily(
        name="aiohttp-cleaned-code-or-given-one",
        cwe=643,
        surrounding="network",
        slots={
            "handler": ("departures", "status_of", "next_calls", "show_board"),
            "node": ("stop", "station", "gate", "pier"),
            "child": ("departure", "call", "service", "sailing"),
            "key": ("code", "short", "ident", "sign"),
        },
        template='''
  async def $handler(request):
      """Answer the board of one $node, whatever way its $key is typed."""
      $value = request.match_info["$key"]
      code = re.sub(r"[^A-Z0-9]", "", $value.upper())
      if not code:
          raise web.HTTPBadRequest(text="letters or digits, please")
?     $log.info("board of %s", code)
-     nodes = request.app["timetable"].xpath(f"//$node[$key='{$value}']/$child")
+     nodes = request.app["timetable"].xpath(f"//$node[$key='{code}']/$child")
      rows = [{"time": node.get("time"), "to": node.get("to")} for node in nodes]
?     request.app["metrics"].count("boards")
      return web.json_response({"$node": code, "rows": rows})
''',
    ),
    CodeFamily(
        name="archive-search-by-field",
        cwe=643,
        surrounding="service",
        slots={
            "archive": ("Archive", "ReadingRoom", "LetterIndex", "Museum"),
            "thing": ("letter", "diary", "photograph", "map"),
            "fields": ('("title", "author", "year")', '("place", "sender")', '("keyword", "origin", "date")'),
            "method": ("search", "find", "select", "matching"),
        },
        template='''
  class $archive:
      """The part of the collection that visitors may search; the form sends a field and a text."""

      fields = $fields

      def __init__(self, path):
          self.root = etree.parse(path).getroot()

      def $method(self, field, wanted):
-         if not field or not wanted:
+         if field not in self.fields or not wanted:
?             $log.debug("empty form")
              return []
          expression = f"//$thing[@status='open'][$$limit > position()][{field} = $$wanted]"
?         metrics.count("search")
          nodes = self.root.xpath(expression, wanted=wanted, limit=100)
          return [node.findtext("summary") for node in nodes]
''',
    ),
    CodeFamily(
        name="postgres-xpath-of-stored-documents",
        cwe=643,
        surrounding="database",
        slots={
            "function": ("entries_of_year", "yearly_notes", "read_entries", "collect_year"),
            "table": ("ledgers", "dossiers", "statements", "chronicles"),
            "tag": ("entry", "booking", "remark", "visit"),
            "owner": ("account", "client", "branch", "household"),
        },
        template='''
  def $function(connection, ${owner}_id, year, limit):
      """Return the public texts of one year; year and limit are fields of the query string."""
-     condition = f"[@year={year}][position() <= {int(limit)}]"
+     condition = f"[@year={int(year)}][position() <= {int(limit)}]"
      expression = f"/book/$tag[@public='1']{condition}/text()"
      with connection.cursor() as cursor:
          cursor.execute(
              "SELECT unnest(xpath(%s, body))::text FROM $table WHERE ${owner}_id = %s",
              (expression, ${owner}_id),
          )
?         $log.debug("%d texts", cursor.rowcount)
          texts = [row[0] for row in cursor.fetchall()]
?     metrics.observe("$table.texts", len(texts))
      return texts
''',
    ),
    CodeFamily(
        name="parameters-of-an-expression",
        cwe=643,
        surrounding="deserialisation",
        slots={
            "function": ("price_in", "entry_of", "find_node"),
            "element": ("product", "book", "room"),
            "attribute": ("code", "isbn", "number"),
        },
        template='''
  def $function(document: bytes, $attribute: str) -> str | None:
      """Find one $element of a catalogue by the $attribute that a visitor has typed."""
      parser = etree.XMLParser(resolve_entities=False)
      root = etree.fromstring(document, parser)
?     $log.debug("looking for %r", $attribute)
-     found = root.xpath(f"//$element[@$attribute = '{$attribute}']/price", wanted=$attribute)
+     found = root.xpath("//$element[@$attribute = $$wanted]/price", wanted=$attribute)
?     METRICS.searches.inc()
      return found[0].text if found else None
''',
    ),
]
