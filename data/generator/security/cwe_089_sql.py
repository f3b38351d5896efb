"""SQL injection: the query is text that a caller may extend."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="flask-lookup-by-name",
        cwe=89,
        surrounding="web",
        slots={
            "table": ("users", "customers", "members", "suppliers", "patients"),
            "column": ("name", "email", "city", "nickname"),
            "view": ("search", "lookup", "find_one", "show"),
        },
        template="""
  @app.route("/$table/$view")
  def ${view}_$table():
      $value = request.args.get("$column", "")
?     $log.info("looking up %s", $value)
      connection = sqlite3.connect(DATABASE)
-     rows = connection.execute(f"SELECT * FROM $table WHERE $column = '{$value}'").fetchall()
+     rows = connection.execute("SELECT * FROM $table WHERE $column = ?", ($value,)).fetchall()
?     connection.close()
      return jsonify([dict(row) for row in rows])
""",
    ),
    CodeFamily(
        name="report-order-by-allow-list",
        cwe=89,
        surrounding="database",
        slots={
            "table": ("invoices", "shipments", "tickets", "payments", "visits"),
            "columns": ('("id", "total", "created")', '("owner", "state", "amount")', '("day", "site", "count")'),
            "function": ("report", "list_sorted", "page_of", "export_rows"),
        },
        template='''
  SORTABLE = $columns


  def $function(cursor, order, limit):
      """Return the newest rows in the order that the client asked for."""
-     column = order or SORTABLE[0]
+     column = order if order in SORTABLE else SORTABLE[0]
?     $log.debug("sorting by %s", column)
      cursor.execute("SELECT * FROM $table ORDER BY " + column + " LIMIT %s", (int(limit),))
      return cursor.fetchall()
''',
    ),
    CodeFamily(
        name="psycopg-repository-contains",
        cwe=89,
        surrounding="database",
        slots={
            "class": ("Articles", "Catalogue", "PersonStore", "Inventory"),
            "method": ("containing", "search", "matching", "find_like"),
            "column": ("title", "motto", "label", "place"),
            "order": ("id", "day", "rank", "name"),
        },
        template='''
  class $class:
      """Reads rows of one table, which the caller picks from the settings."""

      def __init__(self, connection, table):
          self.connection = connection
          self.table = sql.Identifier(table)

      def $method(self, $value):
?         $log.debug("searching for %r", $value)
-         query = sql.SQL("SELECT * FROM {} WHERE $column ILIKE '%" + $value + "%' ORDER BY $order").format(self.table)
+         query = sql.SQL("SELECT * FROM {} WHERE $column ILIKE %s ORDER BY $order").format(self.table)
          with self.connection.cursor() as cursor:
-             cursor.execute(query)
+             cursor.execute(query, (f"%{$value}%",))
              return cursor.fetchall()
''',
    ),
    CodeFamily(
        name="fastapi-batch-of-numbers",
        cwe=89,
        surrounding="web",
        slots={
            "table": ("orders", "parcels", "lessons", "recipes", "sensors"),
            "function": ("batch", "several", "by_numbers", "read_many"),
            "wanted": ("wanted", "numbers", "keys", "selection"),
            "column": ("id", "number", "code", "position"),
        },
        template='''
  @router.get("/$table/$function")
  async def $function(ids: str, session: AsyncSession = Depends(get_session)):
      """Return several rows at once, as in /$table/$function?ids=4,8,15."""
-     $wanted = ", ".join(number.strip() for number in ids.split(",") if number)
+     $wanted = ", ".join(str(int(number)) for number in ids.split(",") if number)
      if not $wanted:
          raise HTTPException(status_code=400, detail="no ids")
?     # The list is short: the page asks for one screen of rows.
      rows = await session.execute(text(f"SELECT * FROM $table WHERE $column IN ({$wanted})"))
?     $log.info("batch of %s", $wanted)
      return [dict(row) for row in rows.mappings()]
''',
    ),
    CodeFamily(
        name="django-raw-percent-or-comma",
        cwe=89,
        surrounding="web",
        slots={
            "view": ("RecordList", "ArchivePage", "RecordSearch", "HistoryView"),
            "table": ("archive_record", "registry_record", "ledger_record", "museum_record"),
            "parameter": ("q", "of", "only", "filter"),
            "column": ("title", "shelf", "reference", "keeper"),
        },
        template='''
  class $view(LoginRequiredMixin, ListView):
      model = Record
      template_name = "records/list.html"

      def get_queryset(self):
          """List the caller's records of one $column."""
          $value = self.request.GET.get("$parameter", "")
?         $log.debug("filter %r by %s", $value, self.request.user.pk)
          query = "SELECT * FROM $table WHERE owner_id = %s AND $column = %s"
-         return Record.objects.raw(query % (self.request.user.pk, f"'{$value}'"))
+         return Record.objects.raw(query, [self.request.user.pk, $value])
''',
    ),
    CodeFamily(
        name="task-number-without-quotes",
        cwe=89,
        surrounding="service",
        slots={
            "table": ("tickets", "claims", "complaints", "repairs"),
            "function": ("close_from_mail", "finish", "mark_closed", "settle"),
            "reference": ("reference", "subject_number", "case_id", "tag"),
            "state": ("closed", "done", "settled", "resolved"),
        },
        template='''
  @shared_task
  def $function($reference: str, remark: str):
      """Close one of the $table; the mailbox reader passes on what the sender wrote in the subject."""
      connection = MySQLdb.connect(read_default_file="/etc/app/my.cnf")
      cursor = connection.cursor()
?     $log.info("closing %r", $reference)
-     number = connection.escape_string($reference).decode()
+     number = int($reference)
      cursor.execute(f"UPDATE $table SET state = '$state', remark = %s WHERE id = {number}", (remark,))
      connection.commit()
?     # Nothing changes when the mail speaks of a row that is gone.
      return cursor.rowcount
''',
    ),
    CodeFamily(
        name="csv-header-as-columns",
        cwe=89,
        surrounding="file",
        slots={
            "columns": ('("sku", "price", "stock")', '("email", "city")', '("day", "hours", "note")', '("lat", "lon")'),
            "table": ("staging", "imports", "uploads", "drafts"),
            "function": ("load_csv", "import_sheet", "take_in", "copy_rows"),
            "marks": ("marks", "slots", "holes", "places"),
        },
        template='''
  COLUMNS = $columns


  def $function(path, connection):
      """Copy an uploaded CSV file into $table and return how many rows went in."""
      with open(path, newline="", encoding="utf-8") as handle:
          reader = csv.DictReader(handle)
          if not set(COLUMNS) <= set(reader.fieldnames or ()):
              raise ValueError(f"the sheet must have the columns {COLUMNS}")
-         names = list(reader.fieldnames)
+         names = [name for name in reader.fieldnames if name in COLUMNS]
          $marks = ", ".join("?" for _ in names)
          statement = f"INSERT INTO $table ({', '.join(names)}) VALUES ({$marks})"
?         $log.debug("importing %d columns", len(names))
          cursor = connection.executemany(statement, [[row[name] for name in names] for row in reader])
?     connection.commit()
      return cursor.rowcount
''',
    ),
    CodeFamily(
        name="asyncpg-stored-team-name",
        cwe=89,
        surrounding="service",
        slots={
            "people": ("members", "players", "employees", "authors"),
            "things": ("assets", "boards", "devices", "documents", "bookings"),
            "team": ("team", "club", "crew", "circle"),
            "function": ("owned_by_team", "shared_list", "visible_to", "team_overview"),
        },
        template='''
  async def $function(pool, person_id):
      """List what the $team of a person owns; its founder chose the name of the $team freely."""
      async with pool.acquire() as connection:
          $team = await connection.fetchval("SELECT $team FROM $people WHERE id = $$1", person_id)
          if not $team:
              return []
?         $log.debug("listing $things of %s", $team)
-         rows = await connection.fetch(f"SELECT * FROM $things WHERE $team = '{$team}' ORDER BY id")
+         rows = await connection.fetch("SELECT * FROM $things WHERE $team = $$1 ORDER BY id", $team)
?     # Empty lists are cached by the caller.
      return [dict(row) for row in rows]
''',
    ),
]
