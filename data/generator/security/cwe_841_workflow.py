"""Improper enforcement of a workflow: steps of a procedure can be left out or repeated."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="second-step-of-sign-in",
        cwe=841,
        surrounding="web",
        slots={
            "view": ("password_step", "first_step", "check_password"),
            "key": ("user_id", "member", "account"),
            "page": ("code", "second", "confirm"),
        },
        template='''
  @bp.post("/sign-in")
  def $view():
      """The first of two steps: the password; the second one asks for the code of the phone."""
      account = Account.by_login(request.form["login"])
      if account is None or not account.check(request.form["password"]):
          flash("Unknown name or password.")
          return redirect(url_for(".sign_in"))
?     $log.info("%s has given the password", account.id)
      session.clear()
-     session["$key"] = account.id
+     session["pending_$key"] = account.id
      if account.phone:
          return redirect(url_for(".$page"))
?     # Older accounts have no phone yet.
      return redirect(url_for(".add_phone"))
''',
    ),
    CodeFamily(
        name="shipping-what-is-not-paid",
        cwe=841,
        surrounding="service",
        slots={
            "class": ("Orders", "Sales", "Deliveries"),
            "method": ("ship", "send", "hand_over"),
            "states": (
                '("new", "paid", "packed", "sent")',
                '("draft", "paid", "picked", "sent")',
                '("open", "paid", "ready", "sent")',
            ),
        },
        template='''
  STATES = $states


  class $class:
      def __init__(self, store, carrier):
          self.store = store
          self.carrier = carrier

      def $method(self, number: int, address: str) -> str:
          """Hand an order to the carrier; customers call this from the page of their order."""
          order = self.store.load(number)
-         if STATES.index(order.state) >= STATES.index("sent"):
+         if order.state != STATES[2]:
?             $log.info("%d is %s", number, order.state)
              raise ValueError(f"order {number} is {order.state}")
          label = self.carrier.book(address, order.weight)
          self.store.update(number, state="sent", label=label)
?         $log.info("%d has left", number)
          return label
''',
    ),
    CodeFamily(
        name="refund-once-more",
        cwe=841,
        surrounding="database",
        slots={
            "function": ("refund", "pay_back", "return_money"),
            "table": ("payments", "charges", "bookings"),
            "column": ("refunded", "paid_back", "returned"),
        },
        template='''
  def $function(connection, provider, number: int, amount: Decimal) -> Decimal:
      """Pay back a part of a payment, as a customer of the shop asks; all parts together at most the whole."""
      with connection.transaction():
          row = connection.execute(
              "SELECT amount, $column FROM $table WHERE id = %s FOR UPDATE", (number,)
          ).fetchone()
-         if amount <= 0 or amount > row["amount"]:
+         if amount <= 0 or amount > row["amount"] - row["$column"]:
?             $log.warning("%d: %s is too much", number, amount)
              raise ValueError(amount)
          provider.pay_back(number, amount)
          connection.execute("UPDATE $table SET $column = $column + %s WHERE id = %s", (amount, number))
?     $log.info("%d: %s", number, amount)
      return row["amount"] - row["$column"] - amount
''',
    ),
    CodeFamily(
        name="proposal-changed-after-the-signature",
        cwe=841,
        surrounding="graphql",
        slots={
            "mutation": ("EditProposal", "ChangeContract", "UpdateOffer"),
            "model": ("Proposal", "Contract", "Offer"),
            "field": ("text", "price", "terms"),
        },
        template='''
  class $mutation(Mutation):
      class Arguments:
          number = ID(required=True)
          $field = String(required=True)

      document = Field(lambda: ${model}Type)

      @transaction.atomic
      def mutate(root, info, number, $field):
          """Change a $model of one's own, which two people sign in the end."""
          document = $model.objects.select_for_update().get(pk=number, author=info.context.user)
-         if document.signatures.filter(person=info.context.user).count() > 1:
+         if document.signatures.exists():
              raise GraphQLError("it has been signed")
?         $log.info("%s changed", number)
          document.$field = $field
          document.save(update_fields=["$field"])
?         document.touch()
          return $mutation(document=document)
''',
    ),
    CodeFamily(
        name="approval-of-a-former-version",
        cwe=841,
        surrounding="infrastructure",
        slots={
            "class": ("Releases", "Rollouts", "Deployments"),
            "method": ("roll_out", "deploy", "release"),
            "field": ("approved_by", "reviewed_by", "signed_by"),
        },
        template='''
  class $class:
      """Takes a change into production when somebody else has looked at it."""

      def __init__(self, forge, cluster):
          self.forge = forge
          self.cluster = cluster

      def $method(self, number: int) -> str:
          change = self.forge.change(number)
-         approvals = [review for review in change.reviews if review.state == "approved"]
+         approvals = [review for review in change.reviews if review.approves(change.head)]
          if not any(review.person != change.author for review in approvals):
              raise PermissionError(f"nobody has looked at {number}")
?         $log.info("%d: %s", number, [review.person for review in approvals])
          self.cluster.apply(change.head, $field=approvals[0].person)
?         self.forge.comment(number, "rolled out")
          return change.head
''',
    ),
]
