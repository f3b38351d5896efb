"""XML external entities: a document makes its reader open files or addresses of the sender's choice."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="xmllint-options",
        cwe=611,
        surrounding="subprocess",
        slots={
            "function": ("indented", "pretty_copy", "readable", "tidy_document", "as_lines"),
            "document": ("invoice", "manifest", "order", "catalogue"),
            "error": ("ValueError", "RuntimeError", "DocumentError", "FormatError"),
        },
        template='''
  def $function(path, timeout=20):
      """Return an uploaded $document as indented text, for the preview beside the form."""
-     options = ["--noent", "--nonet", "--format"]
+     options = ["--nonet", "--format"]
?     # Absolute, so that a name cannot look like an option.
      command = ["xmllint", *options, str(path.resolve())]
      done = subprocess.run(command, capture_output=True, timeout=timeout, check=False)
      if done.returncode != 0:
?         $log.info("xmllint gave up with status %d", done.returncode)
          raise $error("this $document is not well-formed")
?     metrics.count("$document.preview")
      return done.stdout.decode("utf-8", "replace")
''',
    ),
    CodeFamily(
        name="sax-feature-table",
        cwe=611,
        surrounding="script",
        slots={
            "command": ("titles", "extract", "convert", "dump"),
            "tag": ("title", "name", "heading", "label", "caption"),
            "collector": ("TextCollector", "Gatherer", "FieldReader", "RowBuilder"),
            "options": ("OPTIONS", "FEATURES", "READER_SETTINGS", "SWITCHES"),
        },
        template='''
- $options = {feature_string_interning: False, feature_external_ges: True}
+ $options = {feature_string_interning: True, feature_external_ges: False}


  @click.command()
  @click.argument("source", type=click.File("rb"))
  def $command(source):
      """Print every $tag of a file that a customer sent, as JSON."""
      collector = $collector("$tag")
      reader = xml.sax.make_parser()
      for feature, state in $options.items():
          reader.setFeature(feature, state)
?     # The collector keeps the texts in the order of the file.
      reader.setContentHandler(collector)
      reader.parse(source)
?     click.echo(f"{len(collector.texts)} found", err=True)
      click.echo(json.dumps(collector.texts))
''',
    ),
    CodeFamily(
        name="expat-catalogue-of-local-copies",
        cwe=611,
        surrounding="network",
        slots={
            "function": ("read_message", "receive", "texts_of", "next_message"),
            "catalogue": ("CATALOGUE", "COPIES", "KNOWN_PARTS", "LIBRARY"),
            "system": ("weather", "harbour", "traffic", "timetable", "stock"),
        },
        template='''
  $catalogue = {"$system.ent": "/usr/share/feeds/$system.ent", "units.ent": "/usr/share/feeds/units.ent"}


  def $function(connection):
      """Read one $system message from a peer and return its pieces of text."""
      parser = expat.ParserCreate()
      texts = []

      def load(context, base, system_id, public_id):
-         path = $catalogue.get(system_id, system_id)
+         path = $catalogue[system_id]
          with open(path, "rb") as source:
              parser.ExternalEntityParserCreate(context).ParseFile(source)
          return 1

      parser.ExternalEntityRefHandler = load
      parser.CharacterDataHandler = texts.append
      with connection.makefile("rb") as stream:
          parser.ParseFile(stream)
?     $log.debug("message with %d pieces of text", len(texts))
?     metrics.count("$system.messages")
      return texts
''',
    ),
    CodeFamily(
        name="lxml-resolver-by-public-identifier",
        cwe=611,
        surrounding="service",
        slots={
            "resolver": ("ShippedResolver", "LocalCopies", "SchemaResolver", "DtdResolver"),
            "shipped": ("SHIPPED", "BY_PUBLIC_ID", "DTD_FILES", "COPIES"),
            "thing": ("order", "article", "patient", "waybill", "lesson"),
        },
        template='''
  $shipped = {"-//ACME//DTD $thing 1.0//EN": "/opt/acme/dtd/$thing.dtd"}


  class $resolver(etree.Resolver):
      """Answer the definitions that a document names from the copies on this machine."""

      def resolve(self, system_url, public_id, context):
          if public_id not in $shipped:
?             $log.debug("%d definitions are known", len($shipped))
              raise LookupError("no copy of this definition")
-         return self.resolve_string(Path(system_url).read_bytes(), context)
+         return self.resolve_string(Path($shipped[public_id]).read_bytes(), context)


  def parse_$thing(body):
      parser = etree.XMLParser(load_dtd=True, resolve_entities=True)
      parser.resolvers.add($resolver())
?     # Partners send bytes with their own encoding declaration.
      return etree.fromstring(body, parser)
''',
    ),
    CodeFamily(
        name="flask-schema-and-document-parsers",
        cwe=611,
        surrounding="web",
        slots={
            "thing": ("booking", "vessel", "parcel", "tariff", "reading"),
            "wide": ("HOUSE_PARSER", "BASE_PARSER", "FULL_PARSER", "MAIN_PARSER"),
            "narrow": ("PLAIN_PARSER", "BARE_PARSER", "SMALL_PARSER", "SIDE_PARSER"),
            "action": ("import", "receive", "check", "accept"),
        },
        template='''
  $wide = etree.XMLParser(resolve_entities=True, load_dtd=True, remove_comments=True)
  $narrow = etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True)


  @app.post("/${thing}s/$action")
  def ${action}_$thing():
      """Check a document against the schema that we ship and return its notes."""
-     schema = etree.XMLSchema(etree.parse(str(SCHEMAS / "$thing.xsd"), $narrow))
-     document = etree.parse(request.stream, $wide)
+     schema = etree.XMLSchema(etree.parse(str(SCHEMAS / "$thing.xsd"), $wide))
+     document = etree.parse(request.stream, $narrow)
      if not schema.validate(document):
?         $log.info("%d complaints about a $thing", len(schema.error_log))
          return jsonify(error="the document does not follow the schema"), 422
?     metrics.count("${thing}s.${action}")
      return jsonify([node.text for node in document.iterfind("note")])
''',
    ),
    CodeFamily(
        name="order-parsed-with-entities",
        cwe=611,
        surrounding="queue",
        slots={
            "function": ("on_order", "read_order", "take_order"),
            "tag": ("line", "item", "position"),
            "attribute": ("article", "sku", "number"),
        },
        template='''
  def $function(body: bytes) -> list[tuple[str, int]]:
      """Read an order that a partner's system has put into the queue."""
-     parser = etree.XMLParser(resolve_entities=True, no_network=True, huge_tree=False)
+     parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
      root = etree.fromstring(body, parser=parser)
?     $log.debug("order %s", root.get("id"))
      lines = []
      for $tag in root.iter("$tag"):
          lines.append(($tag.get("$attribute"), int($tag.findtext("count", "1"))))
?     METRICS.orders.inc()
      return lines
''',
    ),
    CodeFamily(
        name="drawing-made-plain-first",
        cwe=611,
        surrounding="web",
        slots={
            "view": ("add_drawing", "upload_plan", "put_sketch"),
            "limit": ("500_000", "2_000_000", "100_000"),
            "field": ("drawing", "plan", "sketch"),
        },
        template='''
  @router.post("/$field")
  async def $view($field: UploadFile):
      """Count what is in a drawing; its texts are shown beside it."""
      body = await $field.read($limit)
      try:
-         root = lxml.etree.fromstring(body, lxml.etree.XMLParser(resolve_entities=True, no_network=False))
+         root = defusedxml.ElementTree.fromstring(body, forbid_dtd=True)
      except (ValueError, SyntaxError) as problem:
?         $log.info("not a drawing: %s", problem)
          raise HTTPException(422, "not a drawing") from problem
      texts = [element.text for element in root.iter() if element.text]
      return {"elements": sum(1 for _ in root.iter()), "texts": texts[:50]}
''',
    ),
]
