"""SQL injection away from the web page: jobs, notebooks, exports and queue workers."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="retention-job-tenant-name",
        cwe=89,
        surrounding="job",
        slots={
            "function": ("purge_tenant", "expire_rows", "trim_history", "drop_old"),
            "table": ("events", "sessions", "readings", "deliveries"),
            "days": ("30", "90", "180", "365"),
        },
        template='''
  def $function(engine, settings):
      """Delete what is past its keeping time; tenants edit their settings themselves."""
      removed = 0
      with engine.begin() as connection:
          for tenant, keep in settings.items():
-             statement = text(f"DELETE FROM $table WHERE tenant = '{tenant}' AND age_days > {int(keep or $days)}")
-             done = connection.execute(statement)
+             statement = text("DELETE FROM $table WHERE tenant = :tenant AND age_days > :keep")
+             done = connection.execute(statement, {"tenant": tenant, "keep": int(keep or $days)})
?             $log.info("%s: %d rows", tenant, done.rowcount)
              removed += done.rowcount
?     # The next run is tomorrow night.
      return removed
''',
    ),
    CodeFamily(
        name="django-extra-where",
        cwe=89,
        surrounding="web",
        slots={
            "view": ("CatalogueSearch", "CourseList", "PlantIndex", "RecipeFinder"),
            "model": ("Course", "Plant", "Recipe", "Record"),
            "column": ("title", "label", "caption", "heading"),
            "param": ("q", "find", "words", "term"),
        },
        template="""
  class $view(ListView):
      model = $model
      paginate_by = 25

      def get_queryset(self):
          $value = self.request.GET.get("$param", "").strip()
          found = super().get_queryset().filter(published=True)
          if not $value:
              return found
?         $log.debug("searching %r", $value)
-         return found.extra(where=[f"UPPER($column) LIKE UPPER('%%{$value}%%')"], order_by=["$column"])
+         return found.extra(where=["UPPER($column) LIKE UPPER(%s)"], params=[f"%{$value}%"], order_by=["$column"])
""",
    ),
    CodeFamily(
        name="queue-topic-names-table",
        cwe=89,
        surrounding="queue",
        slots={
            "handler": ("store_reading", "on_sample", "keep_message", "record_event"),
            "columns": ("taken, payload", "stamp, body", "seen_at, value"),
            "kind": ("kind", "channel", "topic", "subject"),
        },
        template='''
  def $handler(connection, $kind: str, message: bytes):
      """Write a message of the broker to the table of its $kind; devices choose what they publish to."""
      site, _, table = $kind.partition("/")
-     if not site.isidentifier():
+     if not table.isidentifier():
?         $log.warning("dropped a message of %r", $kind)
          raise ValueError(f"no such $kind: {$kind!r}")
      with connection.cursor() as cursor:
          cursor.execute(f"INSERT INTO {table} ($columns, site) VALUES (now(), %s, %s)", (message, site))
?     METRICS.stored.inc()
      connection.commit()
''',
    ),
    CodeFamily(
        name="aiohttp-page-size-digits",
        cwe=89,
        surrounding="service",
        slots={
            "function": ("newest", "recent", "latest", "page"),
            "table": ("comments", "alerts", "trips", "offers"),
            "order": ("created", "rank", "seen", "stamp"),
        },
        template='''
  async def $function(request):
      """Answer with the first rows; the page says how many it can show."""
      limit = request.query.get("limit", "20")
-     if not re.match(r"[0-9]{1,3}", limit):
+     if not re.fullmatch(r"[0-9]{1,3}", limit):
?         $log.info("odd limit %r", limit)
          raise web.HTTPBadRequest(text="limit is a number")
      async with request.app["pool"].acquire() as connection:
          rows = await connection.fetch(f"SELECT * FROM $table ORDER BY $order DESC LIMIT {limit}")
?     # Times are written as text by the encoder.
      return web.json_response([dict(row) for row in rows], dumps=encode)
''',
    ),
    CodeFamily(
        name="notebook-frame-of-one-site",
        cwe=89,
        surrounding="science",
        slots={
            "function": ("load_site", "frame_of", "read_station", "measurements"),
            "table": ("samples", "readings", "trials", "yields"),
            "site": ("site", "station", "plot", "ward"),
            "column": ("taken_at", "day", "measured", "week"),
        },
        template='''
  def $function(engine, $site, since=None):
      """Read what was measured at one $site into a frame; the name is typed into the dashboard."""
      since = pd.Timestamp(since or "2020-01-01").date().isoformat()
-     query = f"SELECT * FROM $table WHERE $site = '{$site}' AND $column >= '{since}'"
-     frame = pd.read_sql_query(query, engine, parse_dates=["$column"])
+     query = "SELECT * FROM $table WHERE $site = %(place)s AND $column >= %(since)s"
+     frame = pd.read_sql_query(query, engine, params={"place": $site, "since": since}, parse_dates=["$column"])
?     $log.info("%d rows of %s", len(frame), $site)
      frame = frame.set_index("$column").sort_index()
?     frame = frame[~frame.index.duplicated()]
      return frame.dropna(how="all")
''',
    ),
    CodeFamily(
        name="tornado-sqlite-backslash",
        cwe=89,
        surrounding="web",
        slots={
            "handler": ("NoteHandler", "TagHandler", "AuthorHandler", "StreetHandler"),
            "table": ("notes", "tags", "authors", "streets"),
            "column": ("name", "word", "title", "line"),
        },
        template=r'''
  class $handler(tornado.web.RequestHandler):
      def initialize(self, database):
          self.database = database

      def get(self):
          """List the rows that carry the name in the address."""
          $value = self.get_argument("of", "")
-         quoted = $value.replace("'", "\\'")
+         quoted = $value.replace("'", "''")
?         $log.debug("asked for %r", $value)
          cursor = self.database.execute(f"SELECT id, $column FROM $table WHERE $column = '{quoted}'")
          self.write({"rows": [dict(zip(("id", "$column"), row)) for row in cursor]})
?         self.set_header("Cache-Control", "no-store")
''',
    ),
    CodeFamily(
        name="graphql-sort-direction",
        cwe=89,
        surrounding="graphql",
        slots={
            "resolver": ("resolve_members", "resolve_matches", "resolve_parcels", "resolve_songs"),
            "table": ("members", "matches", "parcels", "songs"),
            "column": ("joined", "played_on", "sent_at", "released"),
        },
        template='''
  async def $resolver(parent, info, direction="asc", first=20):
      """Resolve a list, sorted by date in the direction that the client asks for."""
      direction = direction.strip().upper()
-     query = f"SELECT * FROM $table ORDER BY $column {direction} LIMIT {int(first)}"
-     rows = await info.context.database.fetch_all(query)
-     if direction not in ("ASC", "DESC"):
-         raise GraphQLError("the direction is asc or desc")
+     if direction not in ("ASC", "DESC"):
+         raise GraphQLError("the direction is asc or desc")
+     query = f"SELECT * FROM $table ORDER BY $column {direction} LIMIT {int(first)}"
+     rows = await info.context.database.fetch_all(query)
?     $log.debug("%d rows", len(rows))
?     info.context.counter.add(len(rows))
      return [dict(row) for row in rows]
''',
    ),
    CodeFamily(
        name="fastapi-order-by-column",
        cwe=89,
        surrounding="web",
        slots={
            "route": ("machines", "invoices", "volunteers", "lots"),
            "model": ("Machine", "Invoice", "Volunteer", "Lot"),
            "fallback": ("id", "created", "number"),
        },
        template='''
  @router.get("/$route")
  def list_$route(sort: str = "$fallback", session: Session = Depends(get_session)):
      """List everything, sorted by any column of the table."""
?     $log.debug("sorting by %s", sort)
      known = {column.name: column for column in $model.__table__.columns}
-     order = known.get(sort, text(sort))
+     order = known.get(sort, known["$fallback"])
      rows = session.scalars(select($model).order_by(order).limit(200))
?     # The page loads the rest when it is scrolled.
      return [row.as_dict() for row in rows]
''',
    ),
    CodeFamily(
        name="copy-out-of-a-named-table",
        cwe=89,
        surrounding="file",
        slots={
            "function": ("dump_table", "export_csv", "write_extract", "copy_out"),
            "name": ("name", "source", "chosen", "relation"),
            "schema": ("public", "reporting", "shared", "mart"),
        },
        template='''
  def $function(connection, $name: str, target: Path) -> int:
      """Write a table that the caller of the service chose to a CSV file."""
-     relation = sql.SQL("$schema.") + sql.SQL($name)
+     relation = sql.SQL("$schema.") + sql.Identifier($name)
      statement = sql.SQL("COPY (SELECT * FROM {}) TO STDOUT WITH CSV HEADER").format(relation)
?     $log.info("exporting %s", $name)
      with target.open("wb") as sink, connection.cursor() as cursor:
          with cursor.copy(statement) as rows:
              for block in rows:
                  sink.write(block)
?     # The mover picks the file up within a minute.
      return target.stat().st_size
''',
    ),
    CodeFamily(
        name="warehouse-query-of-a-campaign",
        cwe=89,
        surrounding="cloud",
        slots={
            "function": ("spend_of", "clicks_of", "cost_report", "totals_for"),
            "dataset": ("marketing.costs", "ads.clicks", "shop.orders", "web.visits"),
            "column": ("campaign", "medium", "coupon", "partner"),
        },
        template='''
  def $function(client: bigquery.Client, $column: str, day: date):
      """Sum a day's numbers for one $column, whose name anybody may put into a link."""
-     query = f'SELECT SUM(amount) AS total FROM `$dataset` WHERE $column = "{$column}" AND day = @day'
+     query = "SELECT SUM(amount) AS total FROM `$dataset` WHERE $column = @wanted AND day = @day"
      config = bigquery.QueryJobConfig(
          query_parameters=[
+             bigquery.ScalarQueryParameter("wanted", "STRING", $column),
              bigquery.ScalarQueryParameter("day", "DATE", day),
          ],
          maximum_bytes_billed=10**10,
      )
?     $log.info("totals for %s", day)
      rows = list(client.query(query, job_config=config).result())
      return rows[0].total or 0
''',
    ),
    CodeFamily(
        name="migration-moves-stored-names",
        cwe=89,
        surrounding="script",
        slots={
            "command": ("fill-owners", "move-names", "relink", "merge-owners"),
            "table": ("boards", "albums", "projects", "routes"),
            "column": ("owner", "keeper", "captain", "editor"),
        },
        template='''
  @app.command("$command")
  def migrate(path: Path = typer.Argument(..., exists=True)):
      """Link each row to the person whose login it has; people chose their logins when they signed up."""
      connection = sqlite3.connect(path)
      for number, $column in connection.execute("SELECT id, $column FROM $table").fetchall():
-         person = connection.execute("SELECT id FROM people WHERE login = '%s'" % $column).fetchone()
+         person = connection.execute("SELECT id FROM people WHERE login = ?", ($column,)).fetchone()
          if person is None:
?             typer.echo(f"{number}: nobody")
              continue
          connection.execute("UPDATE $table SET ${column}_id = ? WHERE id = ?", (person[0], number))
?     typer.echo("linked")
      connection.commit()
''',
    ),
    CodeFamily(
        name="known-tables-with-fallback",
        cwe=89,
        surrounding="database",
        slots={
            "class": ("Audit", "Trail", "Changes", "History"),
            "method": ("entries", "rows_of", "lines", "read"),
            "first": ("orders", "tickets", "plots"),
            "second": ("refunds", "visits", "herds"),
        },
        template='''
  class $class:
      """Reads the trail of changes, one table for each kind of thing."""

      tables = {"$first": "${first}_trail", "$second": "${second}_trail"}

      def __init__(self, connection):
          self.connection = connection

      def $method(self, kind, number):
-         table = self.tables.get(kind, f"{kind}_trail")
+         table = self.tables.get(kind)
+         if table is None:
+             raise LookupError(kind)
?         $log.debug("reading %s", table)
          cursor = self.connection.execute(f"SELECT stamp, who, what FROM {table} WHERE item = ?", (number,))
?         # Oldest first, as they were written.
          return cursor.fetchall()
''',
    ),
]
