"""Insufficiently protected credentials: a password is stored or handed on where others get at it."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="dump-with-password",
        cwe=522,
        surrounding="subprocess",
        slots={
            "function": ("dump", "save_copy", "export_database", "snapshot"),
            "service": ("backup", "reporting", "archive", "replica"),
            "format": ("custom", "plain", "tar"),
            "server": ("server", "source", "target", "site"),
        },
        template='''
  def $function($server, path):
      """Write a dump of the database; the machine is shared with other users."""
      secret = keyring.get_password("$service", $server.user)
      environment = {"PATH": os.defpath, "PGCONNECT_TIMEOUT": "10"}
-     address = f"postgresql://{$server.user}:{quote(secret)}@{$server.host}/{$server.database}"
+     environment["PGPASSWORD"] = secret
+     address = f"postgresql://{$server.user}@{$server.host}/{$server.database}"
?     $log.info("dumping %s", $server.database)
      command = ["pg_dump", "--format=$format", f"--file={path}", address]
      subprocess.run(command, env=environment, check=True)
?     $log.info("%s has %d bytes", path, os.path.getsize(path))
      return path
''',
    ),
    CodeFamily(
        name="rendered-config-mode",
        cwe=522,
        surrounding="template",
        slots={
            "function": ("install", "write_config", "deploy", "render_to"),
            "file": ("smb-credentials", "app.ini", "mail.conf", "database.yml"),
            "folder": ("/etc/portal", "/srv/app/conf", "/opt/gateway/etc", "/usr/local/etc/shop"),
            "secret": ("password", "passphrase", "api_secret", "bind_password"),
        },
        template='''
  FOLDER = Path("$folder")


  def $function(templates, user, $secret):
      """Render $file and put it in the place of the old one."""
      environment = jinja2.Environment(loader=jinja2.FileSystemLoader(templates), undefined=jinja2.StrictUndefined)
      content = environment.get_template("$file.j2").render(user=user, $secret=$secret)
      FOLDER.mkdir(mode=0o755, parents=True, exist_ok=True)
      fresh = FOLDER / "$file.new"
      fresh.unlink(missing_ok=True)
-     handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
+     handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
      with os.fdopen(handle, "w") as stream:
          stream.write(content)
?     $log.info("%s rendered for %s", fresh, user)
      fresh.replace(FOLDER / "$file")
''',
    ),
    CodeFamily(
        name="token-along-redirects",
        cwe=522,
        surrounding="network",
        slots={
            "function": ("fetch", "get_following", "download", "follow"),
            "hops": ("3", "5", "8", "10"),
            "scheme": ("Bearer", "Token", "Key", "ApiKey"),
            "token": ("token", "secret", "credential", "api_key"),
        },
        template='''
  def $function(session, url, $token):
      """Get a resource of our API, over redirects to wherever the file is kept."""
      home = urlsplit(url)
      origin = f"{home.scheme}://{home.netloc}"
      for _ in range($hops):
          headers = {"Accept": "application/octet-stream"}
-         if url.startswith(origin):
+         if urlsplit(url)[:2] == home[:2]:
              headers["Authorization"] = f"$scheme {$token}"
          response = session.get(url, headers=headers, allow_redirects=False, timeout=15)
          if not response.is_redirect:
?             $log.debug("%d bytes", len(response.content))
              return response
          url = urljoin(url, response.headers["Location"])
?         $log.info("sent on from %s", origin)
      raise requests.TooManyRedirects(origin)
''',
    ),
    CodeFamily(
        name="account-with-readable-password",
        cwe=522,
        surrounding="service",
        slots={
            "desk": ("Registration", "SignUpDesk", "AccountService", "Enrolment"),
            "model": ("Account", "Member", "Login", "Subscriber"),
            "field": ("phone", "address", "birthday", "emergency_contact"),
            "method": ("create", "register", "admit", "open"),
        },
        template='''
  class $desk:
      def __init__(self, sessions, key):
          self._sessions = sessions
          self._box = Fernet(key)

      def $method(self, form):
          """Create the record of a new $model."""
          $field = self._box.encrypt(form["$field"].encode())
-         password = self._box.encrypt(form["password"].encode()).decode()
+         password = generate_password_hash(form["password"])
          with self._sessions.begin() as session:
              person = $model(email=form["email"].lower(), $field=$field, password=password)
              session.add(person)
              session.flush()
?             $log.info("%s admitted", person.id)
              return person.id
''',
    ),
    CodeFamily(
        name="password-among-the-arguments",
        cwe=522,
        surrounding="script",
        slots={
            "command": ("dump", "export", "copy-database"),
            "database": ("shop", "clinic", "library"),
            "option": ("--single-transaction", "--quick", "--routines"),
        },
        template='''
  @app.command("$command")
  def main(target: Path, login: str = "backup"):
      """Dump the database of a machine that students can log in to."""
      password = vault.read("mysql/backup")
-     command = ["mysqldump", "-u", login, f"-p{password}", "$option", "$database"]
+     command = ["mysqldump", "-u", login, "$option", "$database"]
      environment = {"PATH": "/usr/bin:/bin", "MYSQL_PWD": password}
?     typer.echo(f"dumping $database to {target}")
      with target.open("wb") as sink:
          os.fchmod(sink.fileno(), 0o600)
          done = subprocess.run(command, stdout=sink, env=environment, timeout=3600)
      raise typer.Exit(done.returncode)
''',
    ),
    CodeFamily(
        name="token-within-the-address",
        cwe=522,
        surrounding="infrastructure",
        slots={
            "function": ("fetch_sources", "clone_private", "checkout"),
            "host": ("git.example.org", "code.example.com", "forge.example.net"),
            "branch": ("main", "release", "stable"),
        },
        template='''
  def $function(project: str, folder: Path, token: str) -> str:
      """Clone a private project into a folder that later goes into an image which customers get."""
-     address = f"https://builder:{token}@$host/{project}.git"
+     address = f"https://$host/{project}.git"
      environment = {"PATH": "/usr/bin:/bin", "GIT_ASKPASS": "/usr/libexec/print-token", "TOKEN": token}
?     $log.info("cloning %s", project)
      command = ["git", "clone", "--quiet", "--branch=$branch", "--", address, str(folder)]
      subprocess.run(command, env=environment, check=True, timeout=600)
?     # The image is built from here.
      return (folder / ".git" / "HEAD").read_text().strip()
''',
    ),
]
