"""Improper authorization: a known user may act on what is not theirs."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="django-form-of-any-owner",
        cwe=285,
        surrounding="web",
        slots={
            "model": ("Address", "Recipe", "Booking", "Resume", "Wishlist"),
            "view": ("edit", "save_changes", "update_one", "revise"),
            "owner": ("owner", "author", "member", "customer"),
            "page": ("edit.html", "form.html", "change.html", "detail.html"),
        },
        template='''
  @login_required
  def $view(request, pk):
      """Let a member change one of their own records."""
-     record = get_object_or_404($model, pk=pk)
+     record = get_object_or_404($model, pk=pk, $owner=request.user)
      form = ${model}Form(request.POST or None, instance=record)
?     $log.info("%s opens %s", request.user, pk)
      if request.method == "POST" and form.is_valid():
          record = form.save(commit=False)
          record.changed_by = request.user
          record.save()
?         messages.success(request, "Saved.")
          return redirect(record)
      return render(request, "$page", {"form": form, "$owner": request.user})
''',
    ),
    CodeFamily(
        name="flask-role-from-the-body",
        cwe=285,
        surrounding="web",
        slots={
            "things": ("posts", "listings", "comments", "reviews", "answers"),
            "model": ("Entry", "Content", "Record", "Contribution"),
            "verb": ("retire", "withdraw", "hide", "suspend"),
            "role": ("moderator", "admin", "manager", "editor"),
        },
        template='''
  @app.post("/api/$things/<int:number>/$verb")
  @login_required
  def ${verb}_one(number):
      """Take an entry off the site; open to the staff alone."""
      body = request.get_json(silent=True) or {}
-     role = body.get("role", current_user.role)
+     role = current_user.role
      if role not in ("$role", "owner"):
?         $log.warning("%s may not $verb", current_user.id)
          abort(403)
      record = db.get_or_404($model, number)
      record.active = False
      record.reason = body.get("reason", "")
?     # The search index follows within the hour.
      db.session.commit()
      return jsonify(id=number, active=record.active)
''',
    ),
    CodeFamily(
        name="fastapi-team-of-the-address",
        cwe=285,
        surrounding="web",
        slots={
            "things": ("boards", "budgets", "sprints", "notes", "plans"),
            "group": ("team", "club", "guild", "office"),
            "function": ("rename", "set_title", "change_title", "update_title"),
            "store": ("store", "repository", "records", "gateway"),
        },
        template='''
  @router.put("/${group}s/{${group}_id}/$things/{number}")
  async def $function(${group}_id: int, number: int, title: str = Body(embed=True), user: User = Depends(signed_in)):
      """Give a record a new title; members of its $group may do so."""
      record = await $store.get("$things", number)
      if record is None:
          raise HTTPException(404, "no such record")
-     if ${group}_id not in user.${group}_ids:
+     if record.${group}_id not in user.${group}_ids:
?         $log.warning("user %d, $group %d", user.id, ${group}_id)
          raise HTTPException(403, "you are not a member")
      record.title = title[:200]
      await $store.save(record)
?     $log.info("%d has a new title", number)
      return {"href": f"/${group}s/{${group}_id}/$things/{number}", "title": record.title}
''',
    ),
    CodeFamily(
        name="policy-asked-but-not-heard",
        cwe=285,
        surrounding="service",
        slots={
            "service": ("Treasury", "Warehouse", "Payroll", "LoanDesk", "Depot"),
            "method": ("release", "approve", "book_out", "pay_out"),
            "thing": ("account", "contract", "order", "deposit"),
            "policy": ("policy", "rules", "rights", "grants"),
        },
        template='''
  class $service:
      """Books amounts; who may do so stands in the policy."""

      def __init__(self, ${thing}s, $policy, trail):
          self.${thing}s = ${thing}s
          self.$policy = $policy
          self.trail = trail

      def $method(self, actor, number, amount):
          $thing = self.${thing}s.get(number)
          allowed = self.$policy.allows(actor, "$method", $thing)
          self.trail.append((actor.id, "$method", number, allowed))
-         if $thing.closed:
+         if $thing.closed or not allowed:
?             $log.warning("$method of %s refused", number)
              raise PermissionError(f"$thing {number} cannot be changed")
          $thing.balance -= amount
?         # The repository writes at the end of the unit of work.
          return $thing.balance
''',
    ),
    CodeFamily(
        name="console-command-without-an-entry",
        cwe=285,
        surrounding="network",
        slots={
            "function": ("console", "serve_console", "dialogue", "attend"),
            "low": ("viewer", "guest", "trainee", "reader"),
            "high": ("operator", "engineer", "chief", "keeper"),
            "command": ("purge", "shutdown", "unlock", "erase", "detach"),
            "refusal": ('b"denied;"', 'b"no;"', 'b"403;"', 'b"not yours;"'),
        },
        template='''
  RIGHTS = {"status": {"$low", "$high"}, "reload": {"$high"}}
  HANDLERS = {"status": show_status, "reload": reload_settings, "$command": $command}


  async def $function(reader, writer, session):
      """Carry out the commands of a signed-in console until it hangs up."""
      while line := await reader.readline():
          command = line.decode("ascii", "replace").strip()
-         if session.role not in RIGHTS.get(command, {session.role}):
+         if session.role not in RIGHTS.get(command, ()):
?             $log.warning("%s refused to %s", command, session.name)
              writer.write($refusal)
              continue
          handler = HANDLERS.get(command, show_help)
          writer.write(await handler(session))
?         # One answer a line keeps the other side simple.
          await writer.drain()
''',
    ),
]
