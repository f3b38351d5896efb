"""Cross-site scripting in pages, mails, reports and answers that a browser takes for pages."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="markup-percent-before-or-after",
        cwe=79,
        surrounding="template",
        slots={
            "function": ("badge", "name_tag", "label_for", "chip"),
            "element": ("b", "em", "strong", "mark"),
            "noun": ("member", "author", "player", "seller"),
        },
        template='''
  def $function($noun) -> Markup:
      """Render the name of a $noun, who chose it, for the list on the left."""
      name = $noun.display_name or $noun.login
?     $log.debug("rendering %r", name)
-     tag = Markup('<$element class="%s">%s</$element>' % ("new" if $noun.is_new else "known", name))
+     tag = Markup('<$element class="%s">%s</$element>') % ("new" if $noun.is_new else "known", name)
      if $noun.page:
          return Markup('<a href="/people/%d">%s</a>') % ($noun.id, tag)
?     # People without a page are not linked.
      return tag
''',
    ),
    CodeFamily(
        name="template-ending-and-autoescape",
        cwe=79,
        surrounding="service",
        slots={
            "class": ("Pages", "Renderer", "Screens", "Views"),
            "ending": ("jinja", "j2", "tmpl"),
            "folder": ("pages", "screens", "site"),
        },
        template='''
  class $class:
      """Renders the templates of the site, all of which end in .$ending."""

      def __init__(self, folder="$folder"):
-         escaping = select_autoescape(enabled_extensions=("html", "htm", "xml"))
+         escaping = select_autoescape(enabled_extensions=("html", "$ending"))
          self.environment = Environment(loader=FileSystemLoader(folder), autoescape=escaping)

      def search(self, request):
          $value = request.query.get("q", "")
?         $log.debug("searching %r", $value)
          page = self.environment.get_template("search.$ending")
          return web.Response(text=page.render(q=$value), content_type="text/html")
''',
    ),
    CodeFamily(
        name="markdown-cleaned-too-early",
        cwe=79,
        surrounding="web",
        slots={
            "model": ("Review", "Answer", "Comment", "Post"),
            "field": ("body", "words", "content"),
            "tags": (
                '["p", "em", "strong", "a", "ul", "li"]',
                '["p", "em", "a", "code", "pre"]',
                '["p", "a", "blockquote", "em"]',
            ),
        },
        template='''
  TAGS = $tags


  class $model(models.Model):
      $field = models.TextField()
      author = models.ForeignKey("accounts.Member", on_delete=models.CASCADE)

      @property
      def html(self):
          """The text as the page shows it."""
-         source = bleach.clean(self.$field, tags=TAGS)
-         rendered = markdown.markdown(source)
+         source = markdown.markdown(self.$field)
+         rendered = bleach.clean(source, tags=TAGS)
?         $log.debug("%d characters", len(rendered))
          return mark_safe(rendered)
''',
    ),
    CodeFamily(
        name="fastapi-title-escaped-only",
        cwe=79,
        surrounding="web",
        slots={
            "route": ("tags", "topics", "cities", "songs"),
            "function": ("page_of", "show", "overview"),
            "noun": ("topic", "place", "title"),
        },
        template=r'''
  @router.get("/$route/{$noun}", response_class=HTMLResponse)
  def $function($noun: str, database: Database = Depends(connect)):
      """A plain page with all the entries of one $noun."""
      escaped = html.escape($noun)
      count = database.count($noun)
?     $log.info("%s: %d entries", $noun, count)
      lines = [f"<title>{escaped}</title>"]
-     lines.append(f"<h1>{count} entries about {$noun}</h1>")
+     lines.append(f"<h1>{count} entries about {escaped}</h1>")
      lines.extend(f'<p><a href="/entry/{number}">{number}</a></p>' for number in database.numbers($noun))
?     lines.append("<hr>")
      return HTMLResponse("\n".join(lines))
''',
    ),
    CodeFamily(
        name="quotes-left-in-an-attribute",
        cwe=79,
        surrounding="template",
        slots={
            "function": ("field", "input_row", "search_box", "form_line"),
            "name": ("city", "street", "q", "company"),
            "class": ("wide", "narrow", "half"),
        },
        template='''
  def $function($value: str, problem: str = "") -> str:
      """Build the row of a form, filled in with what was sent before."""
-     shown = html.escape($value.strip(), quote=False)
+     shown = html.escape($value.strip())
      row = f'<label>$name <input class="$class" name="$name" value="{shown}"></label>'
      if problem:
?         $log.debug("complaining about %r", $value)
          row += f'<span class="problem">{html.escape(problem, quote=False)}</span>'
?     # The form is put together by the caller.
      return f"<p>{row}</p>"
''',
    ),
    CodeFamily(
        name="frame-written-as-a-page",
        cwe=79,
        surrounding="science",
        slots={
            "function": ("publish", "write_report", "show_table", "render_frame"),
            "folder": ("reports", "dashboards", "public"),
            "columns": ('["name", "remark", "total"]', '["site", "note", "mean"]', '["team", "motto", "points"]'),
        },
        template='''
  COLUMNS = $columns


  def $function(frame: pd.DataFrame, title: str) -> Path:
      """Write a table of what visitors have entered to a page that the whole institute reads."""
      target = Path("/srv/$folder") / f"{date.today():%Y-%m-%d}.html"
      shown = frame[COLUMNS].sort_values(COLUMNS[-1], ascending=False).head(100)
?     $log.info("%d rows in the report", len(shown))
-     table = shown.to_html(index=False, border=0, escape=False)
+     table = shown.to_html(index=False, border=0)
      target.write_text(f"<h1>{html.escape(title)}</h1>{table}", encoding="utf-8")
?     target.chmod(0o644)
      return target
''',
    ),
    CodeFamily(
        name="json-answer-without-its-type",
        cwe=79,
        surrounding="web",
        slots={
            "view": ("suggest", "complete", "hint", "lookup"),
            "source": ("places", "titles", "streets"),
            "param": ("q", "start", "prefix"),
        },
        template='''
  @app.route("/$view")
  def $view():
      """Answer the search box with up to ten $source."""
      $value = request.args.get("$param", "")
      found = [name for name in g.$source if name.startswith($value)][:10]
?     $log.debug("%r: %d", $value, len(found))
      answer = {"asked": $value, "found": found}
-     return json.dumps(answer), 200, {"Cache-Control": "no-store", "Vary": "Accept"}
+     return json.dumps(answer), 200, {"Content-Type": "application/json"}
''',
    ),
    CodeFamily(
        name="state-of-the-page-as-json",
        cwe=79,
        surrounding="web",
        slots={
            "view": ("BoardView", "EditorPage", "MapPage", "PlannerView"),
            "name": ("state", "initial", "setup"),
            "model": ("board", "sketch", "chart"),
        },
        template=r'''
  class $view(LoginRequiredMixin, DetailView):
      """Opens a $model; its notes, which all members may write, go along as JSON in a script element."""

      template_name = "$model.html"

      def get_context_data(self, **kwargs):
          context = super().get_context_data(**kwargs)
          notes = list(self.object.notes.values("id", "words", "colour"))
?         $log.debug("%d notes", len(notes))
          encoded = json.dumps({"notes": notes, "owner": self.object.owner_id})
-         encoded = encoded.replace("'", "\\u0027").replace("&", "\\u0026")
+         encoded = encoded.replace("<", "\\u003c").replace("&", "\\u0026")
          context["$name"] = mark_safe(encoded)
          return context
''',
    ),
    CodeFamily(
        name="stored-picture-with-the-type-it-claims",
        cwe=79,
        surrounding="web",
        slots={
            "view": ("picture", "avatar", "logo", "cover"),
            "folder": ("PICTURES", "AVATARS", "UPLOADS"),
            "table": ("pictures", "avatars", "uploads"),
        },
        template='''
  SHOWN = {"image/png", "image/jpeg", "image/gif"}


  @bp.get("/$view/<int:number>")
  def $view(number):
      """Show a picture that a member has uploaded."""
      row = g.database.execute("SELECT path, claimed_type FROM $table WHERE id = ?", (number,)).fetchone()
      if row is None:
          abort(404)
      kind = row["claimed_type"]
-     if not kind.startswith("image/"):
+     if kind not in SHOWN:
?         $log.info("%d is no picture: %s", number, kind)
          kind = "application/octet-stream"
      return send_from_directory($folder, row["path"], mimetype=kind, max_age=3600)
''',
    ),
    CodeFamily(
        name="news-mail-with-a-name",
        cwe=79,
        surrounding="mail",
        slots={
            "function": ("compose", "welcome_mail", "thank_you", "invite"),
            "subject": ("Welcome", "Your invitation", "Thank you"),
            "field": ("nickname", "first_name", "team"),
        },
        template=r'''
  BODY = string.Template("<p>Hello $$who,</p><p>$$words</p>")


  def $function(address: str, $field: str, words: str) -> EmailMessage:
      """Write a mail in HTML on behalf of a member, who chose the $field and the words."""
      message = EmailMessage()
      message["To"] = address
      message["Subject"] = "$subject"
      message.set_content(f"Hello {$field},\n\n{words}\n")
-     body = BODY.substitute(who=$field, words=html.escape(words))
+     body = BODY.substitute(who=html.escape($field), words=html.escape(words))
?     $log.debug("mail to %s", address)
      message.add_alternative(body, subtype="html")
      return message
''',
    ),
]
