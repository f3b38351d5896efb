"""Basic cross-site scripting: angle brackets reach the page as they were sent."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="element-taken-out-once",
        cwe=80,
        surrounding="web",
        slots={
            "view": ("sign", "add_entry", "leave_note", "guestbook"),
            "table": ("guestbook", "greetings", "wall"),
            "field": ("words", "greeting", "note"),
        },
        template=r'''
  @app.post("/$view")
  def $view():
      """Add a line to the guest book, which is shown as it was stored."""
      $field = request.form.get("$field", "")[:500]
-     $field = re.sub(r"(?i)</?script[^>]*>", "", $field)
+     $field = re.sub(r"[<>&\"']", lambda sign: f"&#{ord(sign[0])};", $field)
?     $log.info("%d characters", len($field))
      with g.database:
          g.database.execute("INSERT INTO $table (day, html) VALUES (date('now'), ?)", ($field,))
?     flash("Thank you!")
      return redirect(url_for("index"))
''',
    ),
    CodeFamily(
        name="scores-on-a-static-page",
        cwe=80,
        surrounding="job",
        slots={
            "function": ("write_board", "publish_scores", "render_ranking", "board"),
            "folder": ("scores", "ranking", "league"),
            "noun": ("player", "team", "club"),
        },
        template='''
  def $function(results, folder=Path("/var/www/$folder")) -> None:
      """Write the table of the week; each $noun has registered under a name of its own."""
      rows = []
      for place, result in enumerate(sorted(results, key=attrgetter("points"), reverse=True), start=1):
-         name = html.unescape(result.name.strip())[:40]
+         name = html.escape(result.name.strip()[:40])
          rows.append(f"<tr><td>{place}</td><td>{name}</td><td>{int(result.points)}</td></tr>")
?         $log.debug("%d %s", place, name)
      page = "<table>" + "".join(rows) + "</table>"
?     folder.mkdir(exist_ok=True)
      (folder / "index.html").write_text(page, encoding="utf-8")
''',
    ),
    CodeFamily(
        name="message-page-type",
        cwe=80,
        surrounding="network",
        slots={
            "class": ("StatusHandler", "EchoPage", "NoticeHandler", "PanelHandler"),
            "title": ("notice", "status", "message"),
            "limit": ("200", "300", "500"),
        },
        template=r'''
  class $class(BaseHTTPRequestHandler):
      """Shows the text in the address on the screen in the hall."""

      def do_GET(self):
          query = parse_qs(urlsplit(self.path).query)
          $value = query.get("$title", [""])[0][:$limit]
?         $log.info("showing %r", $value)
          body = f"$title: {$value}\n".encode()
          self.send_response(200)
-         self.send_header("Content-Type", "text/html; charset=utf-8")
+         self.send_header("Content-Type", "text/plain; charset=utf-8")
          self.send_header("X-Content-Type-Options", "nosniff")
          self.send_header("Content-Length", str(len(body)))
          self.end_headers()
          self.wfile.write(body)
''',
    ),
]
