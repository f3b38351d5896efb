"""Cross-site scripting: text of a visitor becomes markup or script in a page."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="rows-of-stored-texts",
        cwe=79,
        surrounding="database",
        slots={
            "function": ("table_rows", "guest_book", "render_rows", "entries"),
            "table": ("greetings", "reviews", "questions", "comments"),
            "body": ("body", "message", "remark", "content"),
            "author": ("author", "visitor", "sender", "writer"),
        },
        template='''
  def $function(connection, page_id):
      """Yield the rows of the page where everybody may leave a few words."""
      query = "SELECT id, $author, $body FROM $table WHERE page_id = ? ORDER BY id"
      rows = connection.execute(query, (page_id,))
      for number, $author, $body in rows:
          name = html.escape($author)
?         # The anchor lets people link to one row.
-         yield f'<tr id="row-{number}"><td>{name}</td><td>{$body.replace("<script", "")}</td></tr>'
+         yield f'<tr id="row-{number}"><td>{name}</td><td>{html.escape($body)}</td></tr>'
?     $log.debug("page %d is complete", page_id)
      yield f'<tr><td colspan="2"><a href="/pages/{int(page_id)}/new">Write something</a></td></tr>'
''',
    ),
    CodeFamily(
        name="jinja-extensions-with-escaping",
        cwe=79,
        surrounding="template",
        slots={
            "page": ("card", "profile", "badge", "signature"),
            "field": ("motto", "about", "nickname", "hobby"),
            "function": ("render_card", "show_member", "member_page", "draw"),
            "environment": ("ENVIRONMENT", "PAGES_ENV", "JINJA", "VIEWS"),
        },
        template='''
  PAGES = {
      "$page.html": "<h1>{{ member.name }}</h1><p>{{ member.$field }}</p>",
      "$page.txt": "{{ member.name }}: {{ member.$field }}",
  }
- $environment = Environment(loader=DictLoader(PAGES), autoescape=select_autoescape(["xhtml", "xml"]))
+ $environment = Environment(loader=DictLoader(PAGES), autoescape=select_autoescape(["html", "xml"]))


  def $function(member, ending="html"):
      """Render what a member wrote about themselves, as a page or for a mail."""
?     # Mails take the ending txt.
      page = $environment.get_template(f"$page.{ending}")
?     $log.debug("$page of member %d", member.id)
      return page.render(member=member)
''',
    ),
    CodeFamily(
        name="django-tag-with-format-html",
        cwe=79,
        surrounding="web",
        slots={
            "tag": ("user_badge", "author_line", "score_of", "player_chip"),
            "css": ("badge", "chip", "label", "pill"),
            "count": ("points", "posts", "wins", "likes"),
            "person": ("user", "author", "player", "member"),
        },
        template='''
  register = template.Library()


  @register.simple_tag(takes_context=True)
  def $tag(context, $person):
      """Show the display name that somebody chose, and a number behind it."""
      number = $person.$count.count()
?     # The owner of the page sees a mark of their own.
      css = "$css own" if context["request"].user == $person else "$css"
-     name = f"<b>{$person.display_name}</b>"
-     return format_html('<span class="{}">' + name + " ({})</span>", css, number)
+     name = $person.display_name
+     return format_html('<span class="{}"><b>{}</b> ({})</span>', css, name, number)
''',
    ),
    CodeFamily(
        name="aiohttp-state-in-script-element",
        cwe=79,
        surrounding="service",
        slots={
            "handler": ("search_page", "start_page", "show_app", "index"),
            "key": ("query", "place", "tag", "topic"),
            "state": ("state", "initial", "settings", "model"),
            "title": ("Search", "Finder", "Events", "Atlas"),
        },
        template=r'''
  async def $handler(request):
      """Serve the page that starts the client with what was asked for last."""
      $state = {
          "$key": request.query.get("$key", ""),
          "locale": request.app["locale"],
      }
-     data = json.dumps($state)
+     data = json.dumps($state).replace("<", "\\u003c")
?     $log.debug("%d characters for the client", len(data))
      page = (
          "<!doctype html><title>$title</title><div id='app'></div>"
          f"<script>window.$state = {data};</script><script src='/static/app.js'></script>"
      )
?     request.app["metrics"].count("pages")
      return web.Response(text=page, content_type="text/html")
''',
    ),
    CodeFamily(
        name="wiki-link-scheme",
        cwe=79,
        surrounding="script",
        slots={
            "renderer": ("WikiRenderer", "NoteWriter", "PageBuilder", "LinkWriter"),
            "schemes": ('("http", "https")', '("https",)', '("http", "https", "mailto")', '("https", "mailto")'),
            "method": ("link", "anchor", "reference", "write_link"),
            "label": ("label", "caption", "shown", "words"),
        },
        template='''
  class $renderer:
      """Turns the notes of all contributors into the pages of the site."""

      schemes = $schemes

      def __init__(self, sink):
          self.sink = sink
          self.count = 0

      def $method(self, $label, target):
          words = html.escape($label)
          address = html.escape(target, quote=True)
-         if not any(scheme in target for scheme in self.schemes):
+         if urlsplit(target).scheme not in self.schemes:
?             $log.debug("link number %d has no usable address", self.count)
              self.sink.write(words)
              return
          self.count += 1
?         # Search engines do not follow these.
          self.sink.write(f'<a href="{address}" rel="nofollow noopener">{words}</a>')
''',
    ),
]
