"""Improper neutralisation in data query logic: the caller changes what a NoSQL query asks."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="flask-reset-code",
        cwe=943,
        surrounding="web",
        slots={
            "route": ("reset", "confirm", "unlock", "verify-mail"),
            "function": ("redeem_code", "confirm", "unlock_account", "finish_reset"),
            "collection": ("accounts", "members", "people", "logins"),
            "field": ("code", "pin", "reset_code", "one_time"),
        },
        template='''
  @app.post("/$route")
  @limiter.limit("5 per minute")
  def $function():
      """Let a member in who has received a code by mail."""
      body = request.get_json()
-     match = {"email": body["email"], "$field": body["$field"]}
+     match = {"email": str(body["email"]), "$field": str(body["$field"])}
      account = mongo.db.$collection.find_one_and_update(match, {"$$unset": {"$field": ""}})
?     $log.info("code for %s: %s", body["email"], "right" if account else "wrong")
      if account is None:
          abort(403)
      session["account"] = str(account["_id"])
?     # The code works once only.
      return jsonify(ok=True)
''',
    ),
    CodeFamily(
        name="mongo-where-script",
        cwe=943,
        surrounding="database",
        slots={
            "class": ("Readings", "VisitLog", "Journeys", "Bookings"),
            "method": ("of_owner", "since", "list_for", "recent"),
            "field": ("owner", "station", "plate", "customer"),
            "day": ("day", "week", "hour", "year"),
        },
        template='''
  class $class:
      """Reads documents for the pages of the portal, which pass their query string on."""

      def __init__(self, database):
          self.collection = database["$class"]

      def $method(self, $value, first, limit=100):
?         $log.debug("from %s on", first)
-         criteria = {"$$where": f"this.$field == '{$value}' && this.$day >= {int(first)}"}
+         criteria = {"$field": str($value), "$day": {"$$gte": int(first)}}
          cursor = self.collection.find(criteria, {"_id": False})
?         # The portal shows the newest first.
          return list(cursor.sort("$day", -1).limit(limit))
''',
    ),
    CodeFamily(
        name="django-parcel-plain-values",
        cwe=943,
        surrounding="web",
        slots={
            "function": ("release_parcel", "open_locker", "hand_out", "collect"),
            "number": ("number", "parcel", "shipment", "label"),
            "pin": ("pin", "passcode", "pickup_code", "word"),
            "collection": ("parcels", "lockers", "shipments", "deposits"),
        },
        template='''
  FIELDS = ("$number", "$pin")


  @require_POST
  def $function(request):
      """Release a parcel to whoever names its $number and $pin, which come as JSON."""
      body = json.loads(request.body)
      query = {field: body.get(field) for field in FIELDS}
-     if any(field.startswith("$$") for field in body):
+     if any(not isinstance(query[field], str) for field in FIELDS):
          return JsonResponse({"error": "not understood"}, status=400)
      parcel = store.$collection.find_one_and_update(query, {"$$set": {"state": "released"}})
?     $log.info("release of %s: %s", query["$number"], parcel is not None)
      if parcel is None:
          return JsonResponse({"error": "no such parcel"}, status=404)
      return JsonResponse({"box": parcel["box"]})
''',
    ),
    CodeFamily(
        name="elastic-company-filter",
        cwe=943,
        surrounding="database",
        slots={
            "index": ("contracts", "notes", "mails", "tickets"),
            "function": ("search", "full_text", "find_words", "look_up"),
            "tenant": ("tenant", "company", "workspace", "customer"),
            "column": ("body", "summary", "comment", "content"),
        },
        template='''
  @router.get("/$index/search")
  async def $function(words: str, $tenant: str = Depends(current_$tenant)):
      """Search the $index of the caller's own $tenant."""
-     inner = {"query_string": {"query": f"$tenant:{$tenant} AND ({words})", "default_field": "$column"}}
-     query = {"bool": {"must": inner}}
+     inner = {"simple_query_string": {"query": words, "fields": ["$column"]}}
+     query = {"bool": {"must": inner, "filter": {"term": {"$tenant": $tenant}}}}
?     $log.debug("search by %s", $tenant)
      $result = await elastic.search(index="$index", query=query, size=25)
      hits = $result["hits"]["hits"]
?     # Scores are of no use to the page.
      return {"count": len(hits), "$index": [hit["_source"] for hit in hits]}
''',
    ),
    CodeFamily(
        name="redis-session-glob",
        cwe=943,
        surrounding="service",
        slots={
            "function": ("sessions_of", "open_sessions", "logins_of", "active_devices"),
            "prefix": ("session", "login", "device", "token"),
            "site": ("site", "tenant", "shop", "realm"),
            "name": ("name", "nickname", "handle", "alias"),
        },
        template=r'''
  GLOB = re.compile(r"([*?\[\]\\])")


  def $function(store, $site, $name):
      """Yield the open sessions of one person; the person chose the $name, the URL gives the $site."""
      if ":" in $site or ":" in $name:
          raise ValueError("a colon separates the parts of a key")
      $site = GLOB.sub(r"\\\1", $site)
+     $name = GLOB.sub(r"\\\1", $name)
      pattern = f"$prefix:{$site}:{$name}:*"
?     $log.debug("scanning %s", pattern)
      for key in store.scan_iter(match=pattern, count=500):
          stored = store.get(key)
          if stored is not None:
              yield json.loads(stored)
''',
    ),
    CodeFamily(
        name="cypher-kind-of-node",
        cwe=943,
        surrounding="script",
        slots={
            "kinds": ('("Person", "Team")', '("Pump", "Valve", "Pipe")', '("Book", "Author")', '("Host", "Service")'),
            "function": ("neighbours", "linked_to", "export_around", "related"),
            "relation": ("KNOWS", "FEEDS", "USES", "CITES"),
            "kind": ("kind", "label", "category", "group"),
        },
        template='''
  KINDS = $kinds


  def $function(driver, job):
      """Print what is linked to a node; the job file was filled in on the web site."""
      $kind, name = job["$kind"], job["name"]
-     if not $kind or not name:
+     if $kind not in KINDS or not name:
          raise SystemExit(f"a job needs a name and one of {KINDS}")
      query = f"MATCH (a:{$kind} {{name: $$name}})-[:$relation]->(b) RETURN b.name AS name ORDER BY name"
?     $log.info("asking for %s", name)
      with driver.session() as session:
          for record in session.run(query, name=name):
              print(record["name"])
''',
    ),
    CodeFamily(
        name="aiohttp-voucher-any-case",
        cwe=943,
        surrounding="network",
        slots={
            "function": ("redeem", "use_voucher", "apply_coupon", "take_gift"),
            "collection": ("vouchers", "coupons", "gift_cards", "tokens"),
            "field": ("code", "number", "serial", "key"),
            "state": ("spent", "used", "redeemed", "gone"),
        },
        template='''
  async def $function(request):
      """Redeem a code from the form, in capitals or not, and tell its amount."""
      form = await request.post()
      $value = str(form["$field"]).strip()
-     pattern = f"^{$value}$$"
+     pattern = f"^{re.escape($value)}$$"
?     $log.info("redeeming for %s", request.remote)
      voucher = await request.app["store"].$collection.find_one_and_update(
          {"$field": {"$$regex": pattern, "$$options": "i"}, "$state": False},
          {"$$set": {"$state": True}},
      )
      if voucher is None:
          raise web.HTTPNotFound()
?     # Amounts are in cents.
      return web.json_response({"amount": voucher["amount"]})
''',
    ),
    CodeFamily(
        name="filter-of-a-graph-query",
        cwe=943,
        surrounding="graphql",
        slots={
            "resolver": ("resolve_events", "resolve_devices", "resolve_letters"),
            "collection": ("events", "devices", "letters"),
            "field": ("place", "room", "sender"),
        },
        template='''
  async def $resolver(parent, info, where: str, first: int = 20):
      """Resolve a list by a filter that the client sends as JSON."""
      asked = json.loads(where)
-     query = {"owner": info.context.user.id} | asked
+     query = {"owner": info.context.user.id, "$field": str(asked["$field"])}
?     $log.debug("%s", query)
      cursor = info.context.mongo["$collection"].find(query).limit(min(first, 100))
      rows = await cursor.to_list(length=100)
?     info.context.counter.add(len(rows))
      return [{"id": str(row["_id"]), "$field": row["$field"]} for row in rows]
''',
    ),
    CodeFamily(
        name="table-scan-with-a-written-filter",
        cwe=943,
        surrounding="cloud",
        slots={
            "function": ("find_items", "scan_for", "select_items"),
            "table": ("bookings", "tickets", "parcels"),
            "column": ("state", "city", "kind"),
        },
        template=r'''
  def $function(client, tenant: str, $column: str) -> list[dict]:
      """List a tenant's items with the wanted $column, which the tenant's page sends."""
-     statement = f'SELECT * FROM "$table" WHERE tenant = ? AND "$column" = \'{$column}\''
-     parameters = [{"S": tenant}]
+     statement = 'SELECT * FROM "$table" WHERE tenant = ? AND "$column" = ?'
+     parameters = [{"S": tenant}, {"S": $column}]
?     $log.debug("%s: %s", tenant, $column)
      reply = client.execute_statement(Statement=statement, Parameters=parameters, Limit=100)
?     METRICS.scans.inc()
      return reply["Items"]
''',
    ),
]
