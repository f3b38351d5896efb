"""Improper authorisation where lists, caches, sockets and jobs act for somebody."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="batch-where-one-is-enough",
        cwe=285,
        surrounding="web",
        slots={
            "route": ("documents", "tickets", "devices", "folders"),
            "verb": ("archive", "close", "lock", "hide"),
            "field": ("ids", "numbers", "keys"),
        },
        template='''
  @router.post("/$route/$verb")
  def ${verb}_many($field: list[int] = Body(embed=True), user: User = Depends(signed_in), store=Depends(get_store)):
      """Do it to several at once, as ticked in the list."""
      rows = store.load_many("$route", $field)
      if len(rows) != len(set($field)):
          raise HTTPException(404)
-     if not any(user.may("$verb", row) for row in rows):
+     if not all(user.may("$verb", row) for row in rows):
?         $log.info("%s may not", user.login)
          raise HTTPException(403)
      for row in rows:
          store.$verb(row)
?     store.touch("$route")
      return {"changed": len(rows)}
''',
    ),
    CodeFamily(
        name="form-token-that-is-left-out",
        cwe=285,
        surrounding="web",
        slots={
            "view": ("transfer", "change_address", "invite", "cancel_contract"),
            "name": ("token", "form_token", "ticket"),
            "page": ("account", "profile", "overview"),
        },
        template='''
  @bp.post("/$view")
  @login_required
  def $view():
      """Carry out what the form says, if it is the form of our page."""
      expected = session.get("$name", "")
      sent = request.form.get("$name", "")
-     if sent and not hmac.compare_digest(sent, expected):
+     if not expected or not hmac.compare_digest(sent, expected):
?         $log.info("form without its mark, from %s", request.referrer)
          abort(400)
      current_user.apply("$view", request.form)
?     session.pop("$name", None)
      return redirect(url_for("$page"))
''',
    ),
    CodeFamily(
        name="socket-opened-by-another-site",
        cwe=285,
        surrounding="network",
        slots={
            "handler": ("feed", "live", "console", "channel"),
            "site": ("https://app.example.org", "https://desk.example.com", "https://my.example.net"),
            "key": ("user_id", "member", "account"),
        },
        template='''
  SITE = "$site"


  async def $handler(request):
      """Open the channel over which the page of a signed-in person sends commands."""
      session = await get_session(request)
      origin = request.headers.get("Origin", SITE)
-     if "$key" not in session or not origin.startswith(SITE):
+     if "$key" not in session or origin != SITE:
?         $log.info("refused %s", origin)
          raise web.HTTPForbidden
      socket = web.WebSocketResponse(heartbeat=30)
      await socket.prepare(request)
      async for message in socket:
          await request.app["commands"].run(session["$key"], message.json())
?     # The page opens another one when it wakes up.
      return socket
''',
    ),
    CodeFamily(
        name="search-that-should-be-the-tenants",
        cwe=285,
        surrounding="database",
        slots={
            "function": ("search", "find_texts", "look_for", "query_all"),
            "index": ("messages", "contracts", "notes"),
            "field": ("tenant", "owner", "team"),
        },
        template='''
  def $function(client, $field: str, words: str, size: int = 20) -> list[dict]:
      """Search the texts of one $field."""
      query = {
          "bool": {
              "must": [{"match": {"body": words}}],
-             "should": [{"term": {"$field": $field}}],
+             "filter": [{"term": {"$field": $field}}],
          }
      }
?     $log.debug("%s: %r", $field, words)
      reply = client.search(index="$index", query=query, size=min(size, 100))
?     # The best ones come first.
      return [hit["_source"] for hit in reply["hits"]["hits"]]
''',
    ),
    CodeFamily(
        name="report-cached-for-everybody",
        cwe=285,
        surrounding="service",
        slots={
            "function": ("monthly_report", "payslip", "statement", "balance_sheet"),
            "seconds": ("600", "3600", "86400"),
            "period": ("month", "quarter", "week"),
        },
        template='''
  async def $function(redis, account, $period: str) -> dict:
      """Give the numbers of an account; working them out takes a while."""
-     name = f"$function:{$period}"
+     name = f"$function:{$period}:{account.id}"
      stored = await redis.get(name)
      if stored is not None:
          return json.loads(stored)
?     $log.debug("working out %s for %s", $period, account.id)
      numbers = await work_out(account.id, $period)
      await redis.set(name, json.dumps(numbers), ex=$seconds)
?     METRICS.misses.inc()
      return numbers
''',
    ),
    CodeFamily(
        name="roles-compared-as-words",
        cwe=285,
        surrounding="graphql",
        slots={
            "mutation": ("PublishArticle", "CloseBoard", "DeletePage", "RenameSpace"),
            "least": ("editor", "manager", "keeper"),
            "model": ("Article", "Board", "Page"),
        },
        template='''
  LEVELS = {"guest": 0, "reader": 1, "$least": 2, "admin": 3}


  class $mutation(Mutation):
      class Arguments:
          number = Int(required=True)

      ok = Boolean()

      def mutate(root, info, number):
          """Needs the role of $least at least."""
          role = info.context.user.role
-         if role not in LEVELS or role < "$least" and role != "admin":
+         if LEVELS.get(role, 0) < LEVELS["$least"]:
              raise GraphQLError("not allowed")
?         $log.info("%s: %d", role, number)
          $model.objects.get(pk=number).publish()
?         info.context.counter.inc()
          return $mutation(ok=True)
''',
    ),
    CodeFamily(
        name="signed-address-of-any-object",
        cwe=285,
        surrounding="cloud",
        slots={
            "function": ("download_link", "link_to", "share_link", "signed_url"),
            "bucket": ("member-files", "scans", "exports"),
            "seconds": ("300", "600", "120"),
        },
        template='''
  def $function(client, account, key: str) -> str:
      """Give an address under which the browser of an account fetches one of its files for a while."""
      prefix = f"{account.id}/"
-     if prefix not in key:
+     if not key.startswith(prefix):
          raise PermissionError(key)
?     $log.info("%s fetches %s", account.id, key)
      wanted = {"Bucket": "$bucket", "Key": key}
      if key.endswith(".csv"):
          wanted["ResponseContentType"] = "text/csv"
?     # The clock of the storage is the one that counts.
      return client.generate_presigned_url("get_object", Params=wanted, ExpiresIn=$seconds)
''',
    ),
    CodeFamily(
        name="job-believes-the-role-it-is-sent",
        cwe=285,
        surrounding="queue",
        slots={
            "task": ("export_all", "recount", "send_round_mail", "purge_old"),
            "role": ("manager", "auditor", "admin"),
            "field": ("user", "sender", "requester"),
        },
        template='''
  @app.task(bind=True)
  def $task(self, message: dict) -> int:
      """Run for somebody who pressed a button; the message holds what the browser sent."""
      $field = User.objects.get(pk=message["$field"], session_key=message["session"])
-     role = message.get("role", $field.role)
+     role = $field.role
      if role != "$role":
?         $log.warning("%s is %s", $field.pk, role)
          raise PermissionError("only for a $role")
?     self.update_state(state="PROGRESS")
      return Operations($field).$task(**message.get("options", {}))
''',
    ),
]
