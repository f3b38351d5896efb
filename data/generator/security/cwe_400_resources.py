"""Uncontrolled resource consumption: a caller decides how much memory, time or threads are spent."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="aiohttp-body-by-announced-length",
        cwe=400,
        surrounding="web",
        slots={
            "function": ("receive", "take_upload", "import_feed", "accept_scan"),
            "limit": ("2 * 1024 * 1024", "8_000_000", "512 * 1024", "20_000_000"),
            "body": ("body", "payload", "content", "buffer"),
            "target": ("inbox", "imports", "scans", "feeds"),
        },
        template='''
  LIMIT = $limit


  async def $function(request):
      """Take a file of moderate size and queue it for the $target."""
      $body = bytearray()
      async for chunk in request.content.iter_chunked(65536):
          $body.extend(chunk)
-         if (request.content_length or 0) > LIMIT:
+         if len($body) > LIMIT:
?             $log.info("%s sends too much", request.remote)
              raise web.HTTPRequestEntityTooLarge(LIMIT, len($body))
?     # An empty file is accepted, it clears the old one.
      number = await request.app["$target"].put(bytes($body))
      return web.json_response({"number": number, "size": len($body)})
''',
    ),
    CodeFamily(
        name="zlib-message-of-a-sensor",
        cwe=400,
        surrounding="deserialisation",
        slots={
            "function": ("unpack", "decode_message", "read_report", "inflate_reading"),
            "limit": ("65536", "1 << 20", "256 * 1024", "4_000_000"),
            "message": ("message", "packed", "frame", "blob"),
            "document": ("document", "plain", "content", "body"),
        },
        template='''
  LIMIT = $limit


  def $function($message):
      """Turn a compressed message from outside into a dictionary."""
      if len($message) > LIMIT:
          raise ValueError("the message is too long")
      decoder = zlib.decompressobj()
-     $document = decoder.decompress($message)
+     $document = decoder.decompress($message, LIMIT)
?     $log.debug("%d bytes became %d", len($message), len($document))
      if not decoder.eof:
          raise ValueError("the message does not end where it should")
      reading = json.loads($document)
?     METRICS.incr("messages")
      return {key: reading[key] for key in ("device", "time", "points")}
''',
    ),
    CodeFamily(
        name="page-size-as-asked",
        cwe=400,
        surrounding="database",
        slots={
            "model": ("Event", "Order", "Reading", "Message", "Ticket"),
            "function": ("list_page", "page", "newest", "browse"),
            "param": ("size", "limit", "per_page", "count"),
            "most": ("100", "200", "500", "50"),
        },
        template='''
  PAGE_LIMIT = $most


  def $function(session, args):
      """Return one page of records, newest first, and where the next one begins."""
      asked = max(1, int(args.get("$param", 25)))
      shown = min(asked, PAGE_LIMIT)
      query = select($model).order_by($model.id.desc())
      if "before" in args:
          query = query.where($model.id < int(args["before"]))
?     $log.debug("a page of %d records", shown)
-     rows = session.scalars(query.limit(asked)).all()
+     rows = session.scalars(query.limit(shown)).all()
?     # The last page may be empty.
      following = rows[-1].id if len(rows) >= shown else None
      return {"rows": [row.as_dict() for row in rows], "$param": shown, "before": following}
''',
    ),
    CodeFamily(
        name="thread-before-its-slot",
        cwe=400,
        surrounding="network",
        slots={
            "function": ("serve", "run_server", "accept_forever", "listen_on"),
            "count": ("32", "64", "100", "16"),
            "talk": ("talk", "converse", "dialogue", "respond"),
            "slots": ("SLOTS", "PLACES", "SEATS", "ROOM"),
        },
        template='''
  $slots = threading.BoundedSemaphore($count)


  def $function(listener, $talk):
      """Serve each client in a thread of its own, $count at a time."""

      def work(client):
-         $slots.acquire()
          try:
              client.settimeout(20)
              $talk(client)
          finally:
              client.close()
              $slots.release()
?             $log.debug("a client has left")

      while True:
+         $slots.acquire()
          client, peer = listener.accept()
?         $log.info("connection from %s", peer[0])
          threading.Thread(target=work, args=(client,), daemon=True).start()
''',
    ),
    CodeFamily(
        name="drawn-badges-kept-forever",
        cwe=400,
        surrounding="template",
        slots={
            "kind": ("badge", "label", "ribbon", "plate", "sticker"),
            "colour": ("colour", "shade", "tint", "paint"),
            "size": ("256", "512", "1024", "2000"),
            "view": ("show", "svg", "picture", "render"),
        },
        template='''
  TEMPLATE = Environment(loader=PackageLoader("site"), autoescape=True).get_template("$kind.svg.j2")


- @lru_cache(maxsize=None)
+ @lru_cache(maxsize=$size)
  def draw_$kind(caption, $colour):
      width = 40 + 7 * len(caption)
?     $log.debug("drawing %s", caption)
      return TEMPLATE.render(caption=caption, $colour=$colour, width=width)


  @app.get("/$kind/<caption>.svg")
  def ${view}_$kind(caption):
      """Draw a $kind with any caption, for use on other sites."""
      $colour = request.args.get("$colour", "grey")
?     REQUESTS.labels("$kind").inc()
      picture = draw_$kind(caption[:120], $colour[:20])
      return Response(picture, mimetype="image/svg+xml")
''',
    ),
    CodeFamily(
        name="picture-of-any-size",
        cwe=400,
        surrounding="job",
        slots={
            "function": ("thumbnail", "shrink", "small_copy"),
            "size": ("(320, 240)", "(160, 160)", "(800, 600)"),
            "limit": ("40_000_000", "25_000_000", "60_000_000"),
        },
        template='''
  LIMIT = $limit


  @shared_task(soft_time_limit=60)
  def $function(source: str, target: str) -> tuple[int, int]:
      """Make a small copy of an upload; files of a few kilobytes can hold very large pictures."""
      Image.MAX_IMAGE_PIXELS = None
      with Image.open(source) as picture:
          width, height = picture.size
-         picture.load()
          if width * height > LIMIT:
?             $log.info("%s: %d x %d", source, width, height)
              raise ValueError("too many pixels")
+         picture.load()
          picture.thumbnail($size)
          picture.convert("RGB").save(target, "JPEG", quality=85)
?     METRICS.thumbnails.inc()
      return width, height
''',
    ),
    CodeFamily(
        name="query-of-any-depth",
        cwe=400,
        surrounding="graphql",
        slots={
            "function": ("run_query", "execute", "answer"),
            "depth": ("8", "10", "6"),
            "name": ("MAX_DEPTH", "DEEPEST", "LEVELS"),
        },
        template='''
  $name = $depth


  async def $function(request, schema):
      """Answer a query of a visitor; friends have friends, who have friends."""
      body = await request.json()
      document = parse(body["query"], max_tokens=2000)
      errors = validate(schema, document)
-     depth = depth_of(document.definitions[0], document)
+     depth = max(depth_of(definition, document) for definition in document.definitions)
      if errors or depth > $name:
?         $log.info("refused: %s, depth %d", errors, depth)
          raise web.HTTPBadRequest(text="the query is not valid")
      result = await schema_execute(schema, document, body.get("operationName"))
?     request["depth"] = depth
      return web.json_response(result.formatted)
''',
    ),
    CodeFamily(
        name="hook-without-a-time-limit",
        cwe=400,
        surrounding="queue",
        slots={
            "function": ("deliver", "notify", "send_out"),
            "header": ("X-Event", "X-Delivery", "X-Hook"),
            "tries": ("3", "5", "8"),
        },
        template='''
  @app.task(bind=True, max_retries=$tries)
  def $function(self, address: str, event: dict) -> int:
      """Send an event to a customer's server; there are four workers for all of them."""
      headers = {"$header": event["kind"], "Content-Type": "application/json"}
-     reply = requests.post(address, json=event, headers=headers, allow_redirects=False)
+     reply = requests.post(address, json=event, headers=headers, allow_redirects=False, timeout=(5, 10))
?     $log.info("%s: %d", address, reply.status_code)
      if reply.status_code >= 500:
          raise self.retry(countdown=60)
?     METRICS.delivered.inc()
      return reply.status_code
''',
    ),
    CodeFamily(
        name="archive-size-as-it-says",
        cwe=400,
        surrounding="file",
        slots={
            "function": ("unpack_texts", "read_archive", "load_bundle"),
            "limit": ("50_000_000", "10_000_000", "200_000_000"),
            "suffix": (".txt", ".csv", ".json"),
        },
        template='''
  LIMIT = $limit


  def $function(upload) -> dict[str, bytes]:
      """Read the texts out of an uploaded archive, within a limit for all of them together."""
      texts = {}
      left = LIMIT
      with tarfile.open(fileobj=upload, mode="r:*") as archive:
          for member in archive:
              if not member.isfile() or not member.name.endswith("$suffix"):
                  continue
-             left = LIMIT - member.size
+             left -= member.size
              if left < 0:
?                 $log.info("%s is too much", member.name)
                  raise ValueError("the archive holds too much")
              texts[member.name] = archive.extractfile(member).read()
?     $log.debug("%d texts", len(texts))
      return texts
''',
    ),
]
