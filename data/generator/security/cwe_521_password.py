"""Weak password requirements: an easily guessed password is let through."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="django-form-minimum-length",
        cwe=521,
        surrounding="web",
        slots={
            "form": ("SignUpForm", "RegistrationForm", "JoinForm", "NewAccountForm"),
            "field": ("password", "passphrase", "new_password", "chosen_password"),
            "common": ("COMMON", "WELL_KNOWN", "LEAKED", "TOO_POPULAR"),
            "login": ("username", "login", "nickname", "handle"),
        },
        template='''
  class $form(forms.Form):
      $login = forms.CharField(max_length=60)
      $field = forms.CharField(widget=forms.PasswordInput, max_length=200)

      def clean_$field(self):
          """Refuse what is guessed within a few tries."""
          $value = self.cleaned_data["$field"]
-         if len($value) < 4:
+         if len($value) < 12:
              raise forms.ValidationError("This is too short.")
          if $value.lower() in $common:
?             $log.info("a popular choice was refused")
              raise forms.ValidationError("Too many people use this one.")
?         # spaces are welcome, so nothing is stripped
          return $value
''',
    ),
    CodeFamily(
        name="click-rules-only-reported",
        cwe=521,
        surrounding="script",
        slots={
            "command": ("add_operator", "create_account", "new_user", "enrol"),
            "words": ("COMMON_WORDS", "DICTIONARY", "KNOWN_WORDS", "POPULAR"),
            "minimum": ("12", "14", "15", "16"),
            "name": ("name", "login", "operator", "who"),
        },
        template='''
  RULES = (
      ("use at least $minimum characters", lambda password: len(password) >= $minimum),
      ("use something less common", lambda password: password.lower() not in $words),
  )


  @click.command()
  @click.argument("$name")
  @click.password_option()
  def $command($name, password):
      """Create an account for the control panel."""
      advice = [words for words, holds in RULES if not holds(password)]
      for words in advice:
          click.echo(f"Please {words}.", err=True)
+     if advice:
+         raise click.exceptions.Exit(1)
?     $log.info("creating %s", $name)
      accounts.create($name, HASHER.hash(password))
?     # the panel reads its accounts anew with every request
      click.echo(f"{$name} can sign in now.")
''',
    ),
    CodeFamily(
        name="change-checks-the-old-one",
        cwe=521,
        surrounding="database",
        slots={
            "function": ("change_password", "replace_secret", "renew", "update_credentials"),
            "table": ("accounts", "members", "staff", "logins"),
            "old": ("current", "old", "previous", "present"),
            "new": ("replacement", "new", "wanted", "chosen"),
        },
        template='''
  def $function(connection, account_id, $old, $new):
      """Replace the password of an account whose owner knows the one in use."""
      row = connection.execute("SELECT digest FROM $table WHERE id = ?", (account_id,)).fetchone()
      if row is None or not bcrypt.checkpw($old.encode()[:72], row[0]):
?         $log.info("account %s: refused", account_id)
          raise PermissionError("wrong password")
-     if len($old) < 12 or $old.lower() in COMMON:
+     if len($new) < 12 or $new.lower() in COMMON:
          raise ValueError("at least twelve characters, and nothing common")
      digest = bcrypt.hashpw($new.encode()[:72], bcrypt.gensalt(12))
      connection.execute("UPDATE $table SET digest = ? WHERE id = ?", (digest, account_id))
?     $log.info("account %s: changed", account_id)
      connection.commit()
''',
    ),
    CodeFamily(
        name="password-rules-of-an-api",
        cwe=521,
        surrounding="service",
        slots={
            "class": ("NewPassword", "PasswordForm", "Secret"),
            "minimum": ("12", "14", "10"),
            "field": ("password", "phrase", "secret"),
        },
        template='''
  class $class(BaseModel):
      login: str
      $field: SecretStr

      @field_validator("$field")
      @classmethod
      def long_enough(cls, $field: SecretStr, info):
          """Refuse what is guessed in an hour."""
          words = $field.get_secret_value().strip()
-         if len(str($field)) < $minimum and words.lower() == info.data.get("login"):
+         if len(words) < $minimum or words.lower() == info.data.get("login"):
              raise ValueError("at least $minimum letters, and not the login")
?         $log.debug("%d letters", len(words))
          return $field
''',
    ),
    CodeFamily(
        name="common-words-of-a-list",
        cwe=521,
        surrounding="graphql",
        slots={
            "mutation": ("ChangePassword", "SetPassword", "RenewPassword"),
            "path": ("common.txt", "words.txt", "known.txt"),
            "minimum": ("10", "12", "11"),
        },
        template='''
  COMMON = frozenset(Path("$path").read_text(encoding="utf-8").split())


  class $mutation(Mutation):
      class Arguments:
          password = String(required=True)

      ok = Boolean()

      def mutate(root, info, password):
          """Set a new password; words of the list, in whatever case, are refused."""
-         if len(password) < $minimum and password.lower() in COMMON:
+         if len(password) < $minimum or password.lower() in COMMON:
              raise GraphQLError("too easy to guess")
?         $log.info("%s has a new password", info.context.user.pk)
          info.context.user.set_password(password)
          info.context.user.save()
?         info.context.counter.inc()
          return $mutation(ok=True)
''',
    ),
]
