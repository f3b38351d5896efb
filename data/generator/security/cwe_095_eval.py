"""Eval injection: text of a caller is evaluated as an expression."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="flask-sign-of-widget",
        cwe=95,
        surrounding="web",
        slots={
            "route": ("combine", "estimate", "widget/sum", "calc"),
            "function": ("combine", "estimate", "calculate", "price_widget"),
            "signs": ("SIGNS", "OPERATORS", "SYMBOLS", "KNOWN"),
            "key": ("sign", "op", "operator", "do"),
        },
        template='''
  $signs = {"plus": "+", "minus": "-", "times": "*", "over": "/"}


  @app.get("/$route")
  def $function():
      """Combine two numbers of the query string for the price widget."""
      left = float(request.args["left"])
      right = float(request.args["right"])
      wish = request.args.get("$key", "plus")
-     sign = $signs.get(wish, wish)
+     sign = $signs.get(wish, "+")
?     $log.debug("%s %s %s", left, sign, right)
      $result = eval(f"{left!r} {sign} {right!r}")
?     # The widget rounds on its own.
      return jsonify(value=$result)
''',
    ),
    CodeFamily(
        name="formula-checked-nodes",
        cwe=95,
        surrounding="service",
        slots={
            "class": ("Formula", "Expression", "DerivedColumn", "Rule"),
            "nodes": ("NODES", "KINDS", "CHECKED", "SYNTAX"),
            "label": ("formula", "rule", "column", "ratio"),
            "row": ("row", "record", "values", "numbers"),
        },
        template='''
- $nodes = (ast.Lambda, ast.ListComp, ast.GeneratorExp, ast.Await)
+ $nodes = (ast.Expression, ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Name, ast.Load, ast.Constant)


  class $class:
      """A derived number, as the customer typed it on the settings page."""

      def __init__(self, source):
          tree = ast.parse(source, mode="eval")
          for node in ast.walk(tree):
-             if isinstance(node, $nodes):
+             if not isinstance(node, $nodes):
                  raise ValueError(f"{type(node).__name__} has no place in a $label")
?         $log.debug("accepted %s", source)
          self.code = compile(tree, "<$label>", "eval")

      def of(self, $row):
          return eval(self.code, {"__builtins__": {}}, dict($row))
''',
    ),
    CodeFamily(
        name="pandas-query-column",
        cwe=95,
        surrounding="script",
        slots={
            "columns": ('["age", "income"]', '["width", "height", "mass"]', '["price", "stock"]', '["lat", "lon"]'),
            "function": ("select_rows", "filter_sheet", "rows_above", "subset"),
            "spec": ("spec", "wish", "choice", "parameters"),
            "limit": ("limit", "threshold", "minimum", "bound"),
        },
        template='''
  import pandas as pd

  COLUMNS = $columns


  def $function(path, $spec):
      """Select the rows of a sheet by the column and the number that the web form sent."""
      frame = pd.read_csv(path, usecols=COLUMNS)
      column = $spec["column"].strip()
      $limit = float($spec["$limit"])
-     if not column:
+     if column not in COLUMNS:
          raise ValueError(f"choose one of {COLUMNS}")
?     $log.info("rows of %s from %s", path, $limit)
      $result = frame.query(f"{column} >= {$limit}")
?     # The index of the sheet means nothing to the reader.
      return $result.reset_index(drop=True)
''',
    ),
    CodeFamily(
        name="task-report-maker-name",
        cwe=95,
        surrounding="subprocess",
        slots={
            "kinds": (
                '("sales", "stock")',
                '("visits", "returns", "refunds")',
                '("hours", "leave")',
                '("daily", "churn")',
            ),
            "function": ("build_report", "run_report", "produce", "render_report"),
            "module": ("reports", "makers", "figures", "summaries"),
            "kind": ("kind", "subject", "title", "topic"),
        },
        template='''
  KINDS = $kinds
  PERIODS = ("day", "week", "month")


  @shared_task(acks_late=True)
  def $function($kind, period, owner_id):
      """Make a report and open it in the viewer of the kiosk; the visitor typed $kind and period."""
-     if period not in PERIODS:
+     if period not in PERIODS or $kind not in KINDS:
          raise ValueError(f"choose from {KINDS} and {PERIODS}")
?     $log.info("%s of the %s for %s", $kind, period, owner_id)
      maker = eval(f"$module.make_{$kind}")
      path = maker(owner_id, period)
?     statsd.increment("$module.made")
      return subprocess.run(["xdg-open", str(path)], check=False).returncode
''',
    ),
    CodeFamily(
        name="aiohttp-socket-message",
        cwe=95,
        surrounding="network",
        slots={
            "function": ("bridge", "feed", "on_socket", "relay"),
            "topic": ("topic", "channel", "room", "stream"),
            "bus": ("bus", "broker", "hub", "fanout"),
            "message": ("message", "frame", "packet", "event"),
        },
        template='''
  async def $function(request):
      """Pass what browsers send over a web socket on to the $bus."""
      socket = web.WebSocketResponse(heartbeat=30)
      await socket.prepare(request)
?     $log.info("socket opened by %s", request.remote)
      async for $message in socket:
          if $message.type != WSMsgType.TEXT:
              continue
-         $value = eval($message.data, {"true": True, "false": False, "null": None})
+         $value = json.loads($message.data)
          await request.app["$bus"].publish($value["$topic"], $value)
?     # The loop ends when the browser goes away.
      return socket
''',
    ),
    CodeFamily(
        name="manifest-order-key",
        cwe=95,
        surrounding="file",
        slots={
            "function": ("ordered_rows", "datasets_in", "sorted_records", "walk_uploads"),
            "manifest": ("manifest.json", "dataset.json", "about.json", "index.json"),
            "wish": ("order_by", "sort_key", "sorted_by", "arrange"),
            "key": ("key", "ordering", "rank", "position"),
        },
        template='''
  def $function(directory):
      """Yield the rows of every uploaded data set in the order that its manifest wishes."""
      for manifest in sorted(Path(directory).glob("*/$manifest")):
          wishes = json.loads(manifest.read_text(encoding="utf-8"))
?         $log.debug("reading %s", manifest.parent.name)
          with (manifest.parent / "rows.csv").open(newline="", encoding="utf-8") as handle:
              rows = list(csv.DictReader(handle))
-         $key = eval("lambda row: " + wishes["$wish"])
+         $key = operator.itemgetter(wishes["$wish"])
          for number, row in enumerate(sorted(rows, key=$key)):
              yield manifest.parent.name, number, row
''',
    ),
    CodeFamily(
        name="stored-preference-fallback",
        cwe=95,
        surrounding="database",
        slots={
            "function": ("preferences_of", "load_options", "read_settings", "user_values"),
            "table": ("preferences", "options", "profile_values", "choices"),
            "stored": ("stored", "cell", "saved", "literal"),
            "values": ("values", "loaded", "options", "chosen"),
        },
        template='''
  def $function(connection, owner_id):
      """Load what a user saved on the profile page as Python values."""
      rows = connection.execute("SELECT name, content FROM $table WHERE owner = ?", (owner_id,))
      $values = {}
      for name, $stored in rows:
          try:
              $values[name] = ast.literal_eval($stored)
          except (SyntaxError, ValueError):
?             $log.debug("%s of %s is no literal", name, owner_id)
-             $values[name] = eval($stored, {"__builtins__": {}})
+             $values[name] = str($stored)
?     # Names that were never saved are filled in by the caller.
      return $values
''',
    ),
]
