"""Deserialisation of state that a browser, a mail or a neighbour hands back."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="state-of-a-grid-in-the-page",
        cwe=502,
        surrounding="web",
        slots={
            "view": ("sort_grid", "page_grid", "filter_grid"),
            "field": ("state", "view", "memory"),
            "order": ("place", "name", "stamp"),
        },
        template='''
  @bp.post("/$view")
  def $view():
      """Draw the next page of a grid, whose state travels with the page."""
      sent = request.form["$field"]
-     state = pickle.loads(base64.b64decode(sent))
+     state = json.loads(base64.b64decode(sent))
?     $log.debug("state of %d letters", len(sent))
      rows = Grid(g.database).rows(int(state["page"]) + 1, order=str(state.get("order", "$order")))
      state["page"] = int(state["page"]) + 1
-     packed = base64.b64encode(pickle.dumps(state)).decode()
+     packed = base64.b64encode(json.dumps(state).encode()).decode()
?     g.page = state["page"]
      return jsonify(rows=rows, $field=packed)
''',
    ),
    CodeFamily(
        name="pickle-behind-a-signature",
        cwe=502,
        surrounding="service",
        slots={
            "class": ("Resume", "Continuations", "Tokens"),
            "method": ("load", "resume", "restore"),
            "name": ("data", "packed", "sealed"),
        },
        template='''
  class $class:
      """Hands the state of a long form to the browser, signed, and takes it back."""

      def __init__(self, key: bytes):
          self.signer = Signer(key, digest_method=hashlib.sha256)

      def dump(self, state) -> bytes:
          return self.signer.sign(base64.b64encode(pickle.dumps(state)))

      def $method(self, $name: bytes):
-         body, _, _ = $name.rpartition(b".")
-         self.signer.validate($name)
+         body = self.signer.unsign($name)
          state = pickle.loads(base64.b64decode(body))
?         $log.debug("state of %d bytes", len(body))
          return state
''',
    ),
    CodeFamily(
        name="yaml-of-a-mail-rule",
        cwe=502,
        surrounding="mail",
        slots={
            "function": ("read_rules", "rules_of", "load_rules"),
            "name": ("rules.yaml", "filter.yml", "sieve.yaml"),
            "key": ("move", "forward", "label"),
        },
        template='''
  def $function(message: EmailMessage) -> list[dict]:
      """Take over the rules that a member has sent to the robot's address."""
      for part in message.iter_attachments():
          if part.get_filename() == "$name":
-             rules = list(yaml.load_all(part.get_content(), Loader=yaml.Loader))
+             rules = list(yaml.safe_load_all(part.get_content()))
?             $log.info("%d rules of %s", len(rules), message["from"])
              return [rule for rule in rules if isinstance(rule, dict) and "$key" in rule]
?     $log.info("no rules in the mail")
      return []
''',
    ),
]
