"""Improper privilege management: roles and rights that people can give to themselves."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="profile-takes-any-field",
        cwe=269,
        surrounding="web",
        slots={
            "view": ("ProfileView", "SettingsView", "AccountView"),
            "fields": (
                '("first_name", "last_name", "language")',
                '("nickname", "city", "motto")',
                '("phone", "email_digest")',
            ),
            "verb": ("patch", "put", "post"),
        },
        template='''
  EDITABLE = $fields


  class $view(APIView):
      permission_classes = [IsAuthenticated]

      def $verb(self, request):
          """Change the signed-in person's own profile."""
          person = request.user
          for name, $value in request.data.items():
-             if not hasattr(person, name):
+             if name not in EDITABLE:
                  raise ValidationError({name: "no such field"})
              setattr(person, name, $value)
?         $log.info("%s changed %s", person.pk, sorted(request.data))
          person.save()
?         person.refresh_from_db()
          return Response(ProfileSerializer(person).data)
''',
    ),
    CodeFamily(
        name="sign-up-model-with-a-role",
        cwe=269,
        surrounding="web",
        slots={
            "model": ("SignUp", "NewAccount", "Registration"),
            "role": ("role", "level", "plan"),
            "default": ("reader", "guest", "free"),
        },
        template='''
  class $model(BaseModel):
      login: str = Field(min_length=3, max_length=40)
      password: SecretStr
-     $role: str = "$default"


  @router.post("/accounts", status_code=201)
  async def create(form: $model, database: Database = Depends(connect)):
      """Open an account for whoever asks."""
      digest = HASHER.hash(form.password.get_secret_value())
?     $log.info("new account %s", form.login)
-     row = {"digest": digest, **form.model_dump(exclude={"password"})}
+     row = {"digest": digest, "login": form.login, "$role": "$default"}
      number = await database.insert("accounts", row)
?     METRICS.accounts.inc()
      return {"id": number}
''',
    ),
    CodeFamily(
        name="groups-kept-by-the-child",
        cwe=269,
        surrounding="subprocess",
        slots={
            "function": ("run_as", "start_job", "spawn_for", "launch"),
            "program": ("/usr/libexec/job", "/opt/run/worker", "/usr/local/bin/render"),
            "seconds": ("600", "60", "3600"),
        },
        template='''
  def $function(login: str, arguments: list[str]) -> int:
      """Run a job that a local user has handed to the daemon, which itself runs as root, as that user."""
      person = pwd.getpwnam(login)
?     $log.info("%s: %s", login, arguments)
      done = subprocess.run(
          ["$program", *arguments],
          cwd=person.pw_dir,
          env={"HOME": person.pw_dir, "PATH": "/usr/bin:/bin"},
          user=person.pw_uid,
-         group=0,
-         extra_groups=os.getgroups(),
+         group=person.pw_gid,
+         extra_groups=os.getgrouplist(login, person.pw_gid),
          timeout=$seconds,
      )
      return done.returncode
''',
    ),
    CodeFamily(
        name="invitation-with-a-higher-role",
        cwe=269,
        surrounding="service",
        slots={
            "class": ("Invitations", "Guests", "Seats"),
            "method": ("invite", "add", "offer"),
            "order": ('("viewer", "editor", "owner")', '("guest", "member", "host")', '("helper", "lead", "head")'),
        },
        template='''
  class $class:
      """People bring others into their team, with no more rights than they have themselves."""

      order = $order

      def __init__(self, store):
          self.store = store

      def $method(self, inviter, address: str, role: str):
-         if inviter.role not in self.order or role not in self.order:
+         if self.order.index(role) > self.order.index(inviter.role):
?             $log.info("%s may not give %s", inviter.id, role)
              raise PermissionError(role)
          ticket = secrets.token_urlsafe(24)
          self.store.put(ticket, {"team": inviter.team, "address": address, "role": role})
?         $log.info("%s was asked to join", address)
          return ticket
''',
    ),
    CodeFamily(
        name="policy-document-for-a-team",
        cwe=269,
        surrounding="cloud",
        slots={
            "function": ("policy_for", "team_policy", "make_policy", "grants_of"),
            "service": ("s3", "dynamodb", "sqs"),
            "actions": (
                '("GetObject", "PutObject")',
                '("GetItem", "PutItem", "Query")',
                '("SendMessage", "ReceiveMessage")',
            ),
        },
        template='''
  ACTIONS = $actions


  def $function(client, team: str, resource: str) -> str:
      """Create the policy of a team's role; its members may start any program with it."""
      statement = {
          "Effect": "Allow",
-         "Action": ["$service:*", "iam:*"],
+         "Action": [f"$service:{name}" for name in ACTIONS],
          "Resource": [resource, f"{resource}/{team}/*"],
      }
-     statement["Resource"].append("*")
?     $log.info("policy of %s", team)
      document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
      reply = client.create_policy(PolicyName=f"{team}-$service", PolicyDocument=document)
?     # Versions are kept for a year.
      return reply["Policy"]["Arn"]
''',
    ),
]
