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
]
