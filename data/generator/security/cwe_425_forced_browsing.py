"""Forced browsing: a page that no link leads to opens for whoever types its address."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="steps-of-a-form-by-address",
        cwe=425,
        surrounding="web",
        slots={
            "view": ("summary", "last_page", "finish"),
            "noun": ("application", "survey", "order"),
            "steps": (
                '("person", "documents", "consent")',
                '("address", "payment", "terms")',
                '("start", "details", "check")',
            ),
        },
        template='''
  STEPS = $steps


  @bp.get("/$noun/$view")
  def $view():
      """The last page, with the button that sends everything off and the data of the identity check."""
      state = session.get("$noun", {})
-     done = state.get("done", list(STEPS))
+     done = state.get("done", [])
      missing = [step for step in STEPS if step not in done]
      if missing:
?         $log.debug("%s is missing", missing)
          return redirect(url_for("." + missing[0]))
?     g.progress = len(done)
      return render_template("$noun/$view.html", identity=Identity.of(state.get("person")))
''',
    ),
    CodeFamily(
        name="exports-beside-the-static-files",
        cwe=425,
        surrounding="job",
        slots={
            "function": ("publish_export", "write_dump", "make_export"),
            "folder": ("exports", "dumps", "reports"),
        },
        template='''
  @shared_task
  def $function(account_id: int) -> str:
      """Write all $folder of an account for its owner, who gets the address by mail and signs in there."""
      account = Account.objects.get(pk=account_id)
-     folder = Path(settings.STATIC_ROOT) / "$folder"
+     folder = Path(settings.PRIVATE_ROOT) / "$folder"
      folder.mkdir(parents=True, exist_ok=True)
      target = folder / f"{account_id}.json"
      target.write_text(json.dumps(account.everything(), default=str), encoding="utf-8")
?     $log.info("export of %d: %d bytes", account_id, target.stat().st_size)
-     address = urljoin(settings.STATIC_URL, f"$folder/{target.name}")
+     address = reverse("$folder", args=[account_id])
      account.mail("Your data are ready", address)
?     # Old ones are removed by another job.
      return address
''',
    ),
    CodeFamily(
        name="hidden-pages-of-staff",
        cwe=425,
        surrounding="service",
        slots={
            "class": ("Site", "Intranet", "Portal"),
            "prefix": ("/staff", "/office", "/desk"),
            "key": ("staff", "office", "desk"),
        },
        template='''
  class $class:
      """Serves pages; those below $prefix are for people of the house, and no menu of others shows them."""

      prefix = "$prefix"

      async def page(self, request):
          path = "/" + request.match_info["path"].strip("/")
          session = await get_session(request)
          known = session.get("$key", False)
-         menu = [entry for entry in self.entries if known or not entry.startswith(self.prefix)]
-         if path not in self.entries:
+         menu = [entry for entry in self.entries if known or not entry.startswith(self.prefix)]
+         if path not in menu:
?             $log.info("no page %s", path)
              raise web.HTTPNotFound
          body = self.render(path, menu)
?         request["rendered"] = len(body)
          return web.Response(text=body, content_type="text/html")
''',
    ),
]
