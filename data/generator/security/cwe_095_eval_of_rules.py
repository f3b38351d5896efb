"""Eval injection: rules, filters and settings that are evaluated as Python."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="queue-rule-tree-looked-at-half",
        cwe=95,
        surrounding="queue",
        slots={
            "function": ("compile_rule", "load_rule", "rule_of", "accept_rule"),
            "names": ('{"amount", "country"}', '{"speed", "zone"}', '{"level", "room"}'),
            "noun": ("rule", "filter", "condition"),
        },
        template='''
  NAMES = $names
  KINDS = (ast.Expression, ast.Compare, ast.BoolOp, ast.And, ast.Or, ast.Gt, ast.Lt, ast.Eq, ast.Load)


  def $function(line: str):
      """Compile a $noun that a client has put into the queue, such as a comparison of two numbers."""
      tree = ast.parse(line, mode="eval")
-     for node in [tree, *ast.iter_child_nodes(tree)]:
-         if isinstance(node, ast.Call | ast.Attribute | ast.Lambda):
+     for node in ast.walk(tree):
+         if not isinstance(node, (*KINDS, ast.Constant, ast.Name)):
              raise ValueError(f"not in a rule: {ast.dump(node)}")
?     $log.info("rule %r", line)
      code = compile(tree, "<$noun>", "eval")
      return lambda values: bool(eval(code, {"__builtins__": {}}, {name: values[name] for name in NAMES}))
''',
    ),
    CodeFamily(
        name="known-formulas-or-the-given-one",
        cwe=95,
        surrounding="science",
        slots={
            "function": ("derive", "add_column", "compute", "transform"),
            "first": ("speed", "density", "margin"),
            "formula": ("distance / hours", "mass / volume", "(price - cost) / price"),
        },
        template='''
  FORMULAS = {"$first": "$formula"}


  def $function(frame: pd.DataFrame, name: str) -> pd.DataFrame:
      """Add a column that the caller of the service names."""
-     formula = FORMULAS.get(name, name)
+     formula = FORMULAS[name]
?     $log.debug("adding %s", name)
      columns = {column: frame[column] for column in frame.columns}
      frame[name] = eval(formula, {"np": np}, columns)
?     frame = frame.copy()
      return frame.replace([np.inf, -np.inf], np.nan)
''',
    ),
    CodeFamily(
        name="setting-value-of-a-device",
        cwe=95,
        surrounding="network",
        slots={
            "function": ("parse_setting", "read_option", "decode_value", "take_setting"),
            "separator": ("=", ":", "~"),
            "port": ("4711", "9100", "5020"),
        },
        template='''
  def $function(line: bytes, settings: dict) -> None:
      """Take over a setting that a device sends as one line; lists and numbers are written as in Python."""
      name, found, $value = line.decode("ascii", "replace").partition("$separator")
      if not found or not name.isidentifier():
          raise ValueError(line)
?     $log.debug("%s is %s", name, $value)
-     settings[name] = eval($value.strip(), {"__builtins__": None}, {})
+     settings[name] = ast.literal_eval($value.strip())
?     settings.setdefault("port", $port)
      settings["updated"] = time.time()
''',
    ),
    CodeFamily(
        name="method-name-of-a-command",
        cwe=95,
        surrounding="service",
        slots={
            "class": ("Console", "Robot", "Remote", "Desk"),
            "method": ("dispatch", "obey", "handle", "serve"),
            "verb": ("status", "where", "list"),
        },
        template='''
  class $class:
      """Takes commands out of a chat room, one line each."""

      def do_$verb(self, words):
          return f"{len(words)} words"

      def do_help(self, words):
          return ", ".join(name for name in dir(self) if name.startswith("do_"))

      def $method(self, line: str) -> str:
          command, *words = line.split()
?         $log.info("%s %s", command, words)
-         return eval(f"self.do_{command}", {"self": self})(words)
+         return getattr(self, f"do_{command}", self.do_help)(words)
''',
    ),
    CodeFamily(
        name="sort-key-of-a-listing",
        cwe=95,
        surrounding="web",
        slots={
            "view": ("listing", "browse", "shelf", "overview"),
            "fields": ('{"title", "year"}', '{"name", "price"}', '{"day", "place"}'),
            "param": ("by", "sort", "order"),
        },
        template='''
  FIELDS = $fields


  @router.get("/$view")
  def $view($param: str = Query("id"), reverse: bool = False, store: Store = Depends(get_store)):
      """List what is on offer, sorted as the reader likes."""
-     if not any(field in $param for field in FIELDS):
+     if $param not in FIELDS:
          raise HTTPException(422, "cannot sort by that")
?     $log.debug("sorted by %s", $param)
      key = eval(f"lambda entry: entry.{$param}")
      entries = sorted(store.entries(), key=key, reverse=reverse)
?     entries = entries[:500]
      return [entry.as_dict() for entry in entries]
''',
    ),
]
