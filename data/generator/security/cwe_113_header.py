"""Response splitting: a line break in a value starts a header, or an answer, of a stranger's making."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="http-server-preference-cookie",
        cwe=113,
        surrounding="web",
        slots={
            "handler": ("PreferenceHandler", "SettingsHandler", "ChoiceHandler", "KioskHandler"),
            "cookie": ("lang", "theme", "size", "unit"),
            "choices": ('("one", "two", "three")', '("a", "b")', '("small", "large")', '("old", "new", "mixed")'),
            "constant": ("CHOICES", "OPTIONS", "KNOWN", "OFFERED"),
        },
        template='''
  $constant = $choices


  class $handler(BaseHTTPRequestHandler):
      def do_GET(self):
          """Remember a choice and go back to the start page."""
          query = parse_qs(urlsplit(self.path).query)
          $value = query.get("$cookie", [""])[0]
-         chosen = $value or $constant[0]
+         chosen = $value if $value in $constant else $constant[0]
          self.send_response(303)
          self.send_header("Set-Cookie", f"$cookie={chosen}; Path=/; Secure; HttpOnly; SameSite=Lax")
?         # The choice shows at once.
          self.send_header("Location", "/")
          self.send_header("Content-Length", "0")
          self.end_headers()
?         metrics.count("$cookie.changed")
''',
    ),
    CodeFamily(
        name="cgi-download-name",
        cwe=113,
        surrounding="script",
        slots={
            "file": ("members.csv", "prices.csv", "results.csv", "plan.csv"),
            "key": ("name", "save_as", "title", "filename"),
            "label": ("label", "shown", "chosen", "title"),
            "default": ("export", "table", "list", "download"),
        },
        template=r'''
  #!/usr/bin/env python3
  import os
  import sys
  from pathlib import Path
  from urllib.parse import parse_qs, quote


  def main():
      """Send today's table under the name that the visitor typed."""
      query = parse_qs(os.environ.get("QUERY_STRING", ""))
      $label = query.get("$key", ["$default"])[0]
-     $label = $label.replace('"', "").replace("/", "-")
+     $label = quote($label, safe="")
      content = Path("/srv/tables/$file").read_text(encoding="utf-8")
?     # The empty line ends the headers.
      sys.stdout.write("Content-Type: text/csv; charset=utf-8\r\n")
      sys.stdout.write(f'Content-Disposition: attachment; filename="{$label}.csv"\r\n\r\n')
      sys.stdout.write(content)
?     sys.stdout.flush()


  if __name__ == "__main__":
      main()
''',
    ),
    CodeFamily(
        name="asyncio-redirect-to-https",
        cwe=113,
        surrounding="network",
        slots={
            "handler": ("redirect", "answer", "send_on", "upgrade"),
            "host": ("www.example.org", "shop.example.com", "example.net", "app.example.com"),
            "place": ("target", "place", "wanted", "page"),
        },
        template=r'''
  async def $handler(reader, writer):
      """Send every visitor of port 80 to the same page over TLS."""
      line = await reader.readline()
      method, encoded, version = line.decode("ascii").split()
      $place = unquote(encoded)
-     if not $place.startswith("/") or "\r" in encoded or "\n" in encoded:
+     if not $place.startswith("/") or "\r" in $place or "\n" in $place:
          writer.close()
          return
?     $log.debug("%s over %s", method, version)
      head = f"HTTP/1.1 301 Moved\r\nLocation: https://$host{$place}\r\nContent-Length: 0\r\n\r\n"
      writer.write(head.encode("utf-8"))
      await writer.drain()
?     # One request on a connection.
      writer.close()
''',
    ),
    CodeFamily(
        name="wsgi-middleware-echoes-parameter",
        cwe=113,
        surrounding="service",
        slots={
            "middleware": ("with_campaign", "traced", "tagged", "echoing"),
            "key": ("campaign", "trace", "source", "ticket"),
            "header": ("X-Echo", "X-Mark", "X-Repeat", "X-Client-Note"),
            "mark": ("mark", "label", "tag", "note"),
        },
        template=r'''
  def $middleware(app):
      """Repeat one parameter of the address in the answer, for the statistics of the front end."""

      def wrapped(environ, start_response):
          query = parse_qs(environ.get("QUERY_STRING", ""))
-         $mark = query.get("$key", ["-"])[0].replace("\r\n", "").strip()
+         $mark = "".join(query.get("$key", ["-"])[0].split())
?         $log.debug("%s has %d characters", "$key", len($mark))

          def start(status, headers, exc_info=None):
?             # Caches must not mix the visitors.
              headers = [*headers, ("$header", $mark), ("Vary", "Cookie")]
              return start_response(status, headers, exc_info)

          return app(environ, start)

      return wrapped
''',
    ),
    CodeFamily(
        name="jinja-response-head",
        cwe=113,
        surrounding="template",
        slots={
            "head": ("HEAD", "PREAMBLE", "OPENING", "START"),
            "field": ("title", "artist", "station", "programme"),
            "header": ("X-Title", "X-Name", "X-Playing", "X-Show"),
            "kind": ("audio/mpeg", "audio/ogg", "video/mp4", "audio/aac"),
            "function": ("begin", "send_head", "greet", "open_stream"),
        },
        template=r'''
  ENGINE = Environment(autoescape=True, newline_sequence="\r\n", keep_trailing_newline=True)
- $head = ENGINE.from_string("HTTP/1.1 200 OK\nContent-Type: $kind\n$header: {{ $field | trim | e }}\n\n")
+ $head = ENGINE.from_string("HTTP/1.1 200 OK\nContent-Type: $kind\n$header: {{ $field | urlencode }}\n\n")


  def $function(connection, show):
      """Start the stream; listeners see in their player what the host of the show typed."""
?     # Old players read nothing but the first kilobyte.
      head = $head.render($field=show["$field"])
      connection.sendall(head.encode("utf-8"))
?     $log.info("stream of %s begins", "$kind")
      for chunk in show["chunks"]:
          connection.sendall(chunk)
''',
    ),
]
