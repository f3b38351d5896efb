"""Unrestricted entity expansion: a small document grows beyond the memory of its reader."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="manuscript-with-short-names",
        cwe=776,
        surrounding="service",
        slots={
            "function": ("typeset", "plain_text", "proof", "set_type"),
            "noun": ("manuscript", "chapter", "article", "poem", "play"),
            "house": ("HOUSE_NAMES", "OUR_NAMES", "PRESS_NAMES", "STANDARD_NAMES"),
            "city": ("Ghent", "Porto", "Graz", "Turku"),
        },
        template=r'''
  $house = {"press": "Example Press", "city": "$city"}
  REFERENCE = re.compile(r"&(\w+);")


  def $function(stream):
      """Return the text of a $noun that an author sent, with its short names written out."""
      names, pieces = dict($house), []

      def declare(name, is_parameter, value, base, system_id, public_id, notation):
-         names.setdefault(name, value or "")
+         names.setdefault(name, "")

      def write_out(text):
          return REFERENCE.sub(lambda match: write_out(names.get(match[1], "")), text)

      def other(data):
?         # Tags come here too.
          if data.startswith("&"):
              pieces.append(write_out(data))

      parser = expat.ParserCreate()
      parser.UseForeignDTD(True)
      parser.EntityDeclHandler = declare
      parser.CharacterDataHandler = pieces.append
      parser.DefaultHandler = other
      parser.ParseFile(stream)
?     $log.debug("%d short names", len(names))
      return "".join(pieces)
''',
    ),
    CodeFamily(
        name="fastapi-defused-with-switches",
        cwe=776,
        surrounding="web",
        slots={
            "route": ("invoices", "readings", "manifests", "results"),
            "function": ("receive", "take_in", "upload", "submit"),
            "tag": ("line", "row", "position", "measure"),
            "error": ("cannot read this document", "not a document we know", "please check the document"),
        },
        template='''
  from defusedxml.ElementTree import fromstring


  @router.post("/$route", status_code=202)
  async def $function(request: Request, queue: Queue = Depends(get_queue)):
      """Accept a document; older clients send a document type in front of it."""
      body = await request.body()
      if len(body) > MAX_BODY:
          raise HTTPException(status_code=413)
      try:
-         root = fromstring(body, forbid_dtd=False, forbid_entities=False, forbid_external=True)
+         root = fromstring(body, forbid_dtd=False, forbid_entities=True, forbid_external=True)
      except (ParseError, ValueError):
?         $log.info("a document of %d bytes was not read", len(body))
          raise HTTPException(status_code=422, detail="$error") from None
      rows = [node.attrib for node in root.iter("$tag")]
?     metrics.observe("$route.rows", len(rows))
      await queue.put(rows)
      return {"rows": len(rows)}
''',
    ),
    CodeFamily(
        name="expat-entity-declarations",
        cwe=776,
        surrounding="network",
        slots={
            "handler": ("SensorHandler", "MeterHandler", "TillHandler", "BuoyHandler"),
            "message": ("only plain messages are read", "this message is not plain", "message not understood"),
            "target": ("readings", "samples", "texts", "pieces"),
            "limit": ("65536", "32768", "16384", "131072"),
        },
        template='''
  class $handler(socketserver.StreamRequestHandler):
      """Reads one short XML message per connection."""

      def handle(self):
          $target = []

          def on_entity(name, is_parameter, value, base, system_id, public_id, notation):
-             if system_id is not None:
-                 raise ValueError("$message")
+             raise ValueError("$message")

          parser = expat.ParserCreate()
          parser.EntityDeclHandler = on_entity
          parser.CharacterDataHandler = $target.append
?         # The last argument says that nothing follows.
          parser.Parse(self.rfile.read($limit), True)
?         $log.debug("message from %s", self.client_address[0])
          self.server.inbox.put("".join($target))
''',
    ),
    CodeFamily(
        name="letter-with-own-short-names",
        cwe=776,
        surrounding="template",
        slots={
            "function": ("expand", "render_letter", "fill_in", "resolve_names"),
            "limit": ("LIMIT", "LONGEST", "CEILING", "MOST"),
            "number": ("100_000", "200_000", "250_000", "500_000"),
            "noun": ("letter", "notice", "newsletter", "certificate"),
        },
        template=r'''
  DECLARED = re.compile(r'<!ENTITY (\w+) "([^"]*)">')
  REFERENCE = re.compile(r"&(\w+);")
  $limit = $number


  def $function(head, body):
      """Replace the short names that the head of a $noun declares, also inside of each other."""
      names = dict(DECLARED.findall(head))
      for _ in names:
          references = REFERENCE.findall(body)
          size = len(body) + sum(len(names.get(name, "")) for name in references)
?         # One round for every name is enough, however deep they go.
-         if len(references) > $limit:
+         if size > $limit:
              raise ValueError("the $noun is too long")
          $log.debug("%d characters after this round", size)
          body = REFERENCE.sub(lambda match: names.get(match[1], ""), body)
?     metrics.observe("$noun.names", len(names))
      return body
''',
    ),
    CodeFamily(
        name="script-looks-for-declarations",
        cwe=776,
        surrounding="script",
        slots={
            "function": ("points", "read_track", "waypoints", "load_tour"),
            "tag": ("trkpt", "wpt", "point", "place"),
            "content": ("content", "document", "source", "track"),
            "first": ("lat", "latitude", "y", "north"),
            "second": ("lon", "longitude", "x", "east"),
        },
        template=r'''
  def $function(path):
      """Yield the coordinates of a track that a member uploaded; at most MAX_BYTES of it."""
      if path.stat().st_size > MAX_BYTES:
          raise ValueError("the track is too long")
      $content = path.read_bytes()
-     if b"<!ENTITY" in $content[:4096].replace(b"\0", b""):
+     if b"<!ENTITY" in $content.replace(b"\0", b""):
?         $log.info("a track declares something")
          raise ValueError("please export the track again")
      root = ElementTree.fromstring($content)
?     # Some devices put a namespace in front of the tag.
      for node in root.iterfind(".//{*}$tag"):
          yield float(node.get("$first")), float(node.get("$second"))
''',
    ),
    CodeFamily(
        name="bill-read-with-the-standard-parser",
        cwe=776,
        surrounding="mail",
        slots={
            "function": ("read_bill", "bill_of", "parse_attachment"),
            "tag": ("Amount", "Total", "Sum"),
            "suffix": (".xml", ".bill"),
        },
        template='''
  def $function(message: EmailMessage) -> Decimal | None:
      """Find the sum of a bill that came as an attachment, from anybody who knows the address."""
      for part in message.iter_attachments():
          if not (part.get_filename() or "").endswith("$suffix"):
              continue
-         root = xml.etree.ElementTree.fromstring(part.get_payload(decode=True))
+         root = defusedxml.ElementTree.fromstring(part.get_payload(decode=True))
          found = root.find(".//$tag")
?         $log.debug("%s: %s", message["from"], found)
          if found is not None:
              return Decimal(found.text)
?     # Mails without a bill go to a person.
      return None
''',
    ),
]
