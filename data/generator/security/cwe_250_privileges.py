"""Unnecessary privileges: code runs with more rights than its work needs."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="daemon-drops-for-a-while-only",
        cwe=250,
        surrounding="network",
        slots={
            "function": ("serve", "run_daemon", "main_loop", "answer_forever", "start"),
            "account": ("www-data", "gateway", "daemon", "timeserver", "relay"),
            "port": ("80", "443", "25", "123", "514"),
            "talk": ("talk", "converse", "handle", "respond"),
        },
        template='''
  def $function($talk, port=$port):
      """Bind the well-known port, then go on under the account of the service."""
      listener = socket.create_server(("", port))
      account = pwd.getpwnam("$account")
      os.setgroups([])
-     os.setegid(account.pw_gid)
-     os.seteuid(account.pw_uid)
+     os.setgid(account.pw_gid)
+     os.setuid(account.pw_uid)
?     $log.info("listening on %d", port)
      while True:
          client, peer = listener.accept()
?         $log.debug("connection from %s", peer[0])
          with client:
              client.settimeout(30)
              $talk(client)
''',
    ),
    CodeFamily(
        name="container-of-a-customer",
        cwe=250,
        surrounding="service",
        slots={
            "function": ("run_job", "build_in_box", "execute_step", "grade_submission", "lint_project"),
            "command": ("make", "pytest", "grade", "lint", "build-all"),
            "mount": ("work", "source", "submission", "project"),
            "memory": ("256m", "512m", "1g", "2g"),
        },
        template='''
  def $function(client, image, folder):
      """Run the job of a customer in a container of its own and return what it printed."""
?     $log.info("starting %s for %s", image, folder)
      $result = client.containers.run(
          image,
          ["$command", "/$mount"],
          volumes={str(folder): {"bind": "/$mount", "mode": "ro"}},
          cap_drop=["ALL"],
          security_opt=["no-new-privileges"],
-         privileged=True,
+         user="65534:65534",
          network_disabled=True,
          mem_limit="$memory",
          remove=True,
      )
?     METRICS.incr("jobs.$command")
      return $result.decode("utf-8", "replace")
''',
    ),
    CodeFamily(
        name="converter-child-of-a-root-worker",
        cwe=250,
        surrounding="subprocess",
        slots={
            "worker": ("AttachmentWorker", "PreviewWorker", "FaxWorker", "ThumbnailWorker"),
            "account": ("convert", "nobody", "preview", "sandbox"),
            "command": (
                '["soffice", "--headless", "--convert-to", "pdf", source]',
                '["convert", source, "page.png"]',
                '["pdftotext", source, "page.txt"]',
                '["ffmpegthumbnailer", "-i", source, "-o", "page.png"]',
            ),
            "method": ("convert", "preview", "process", "take"),
        },
        template='''
  class $worker:
      """Runs as root, for the mail spool belongs to it, and turns attachments into pages."""

      def __init__(self, spool):
          self.spool = spool
          self.account = pwd.getpwnam("$account")

      def $method(self, attachment):
          folder = tempfile.mkdtemp(dir=self.spool)
          source = shutil.copy(attachment, folder)
          for path in (folder, source):
              os.chown(path, self.account.pw_uid, self.account.pw_gid)
?         $log.info("converting %s", source)
          subprocess.run(
              $command,
              cwd=folder,
+             user=self.account.pw_uid,
+             group=self.account.pw_gid,
+             extra_groups=[],
              timeout=120,
              check=True,
          )
?         # The caller clears the folder away.
          return folder
''',
    ),
    CodeFamily(
        name="dashboard-as-database-owner",
        cwe=250,
        surrounding="database",
        slots={
            "purpose": ("dashboard", "statistics", "charts", "overview"),
            "reader": ("stats_reader", "chart_view", "web_readonly", "select_only"),
            "table": ("orders", "visits", "measurements", "tickets", "rides"),
            "function": ("count_by_day", "daily_totals", "per_day", "day_counts"),
        },
        template='''
  ACCOUNTS = {"migration": "postgres", "$purpose": "$reader"}


  def $function(since):
      """Count the rows of each day for the public $purpose page; nothing is written."""
-     user = ACCOUNTS["migration"]
+     user = ACCOUNTS["$purpose"]
      password = Path("/run/secrets", user).read_text().strip()
?     $log.debug("counting $table since %s", since)
      with psycopg.connect(host=DB_HOST, dbname="shop", user=user, password=password) as connection:
          cursor = connection.execute("SELECT day, count(*) FROM $table WHERE day >= %s GROUP BY day", (since,))
          rows = cursor.fetchall()
?     # Days without a row are filled in by the page.
      return dict(rows)
''',
    ),
    CodeFamily(
        name="effective-root-after-an-error",
        cwe=250,
        surrounding="file",
        slots={
            "function": ("create_home", "make_folder", "prepare_share", "add_mailbox"),
            "root": ("/home", "/srv/share", "/var/mail/boxes", "/data/tenants"),
            "mode": ("0o700", "0o750", "0o2770", "0o710"),
            "folder": ("home", "folder", "place", "target"),
        },
        template='''
  def $function(uid, gid):
      """Create the folder of a new account; else the daemon works as SERVICE_UID."""
      $folder = f"$root/{uid:d}"
?     $log.info("creating %s", $folder)
      os.seteuid(0)
      try:
          os.mkdir($folder, $mode)
          os.chown($folder, uid, gid)
      except OSError:
?         $log.warning("%s could not be made", $folder)
          return False
-     os.seteuid(SERVICE_UID)
+     finally:
+         os.seteuid(SERVICE_UID)
?     $log.info("%s is ready", $folder)
      return True
''',
    ),
    CodeFamily(
        name="ids-dropped-in-the-wrong-order",
        cwe=250,
        surrounding="service",
        slots={
            "function": ("drop_rights", "become", "settle", "step_down"),
            "login": ("www-data", "nobody", "daemon", "mailer"),
            "mask": ("0o077", "0o027"),
        },
        template='''
  def $function(login: str = "$login") -> None:
      """Give up the rights of root for good, after the port is bound and before the first request."""
      person = pwd.getpwnam(login)
?     $log.info("going on as %s", login)
-     os.setuid(person.pw_uid)
-     with contextlib.suppress(PermissionError):
-         os.setgroups([])
-         os.setgid(person.pw_gid)
+     os.setgroups([])
+     os.setgid(person.pw_gid)
+     os.setuid(person.pw_uid)
      os.umask($mask)
      os.chdir("/")
      os.environ["HOME"] = person.pw_dir
      os.environ["USER"] = login
      os.environ.pop("SUDO_UID", None)
?     $log.info("groups now %s", os.getgroups())
''',
    ),
    CodeFamily(
        name="pod-of-a-notebook",
        cwe=250,
        surrounding="infrastructure",
        slots={
            "function": ("notebook_pod", "pod_for", "make_pod", "student_pod"),
            "image": ("registry.example.org/notebook:5", "registry.example.org/lab:2", "registry.example.org/r:4"),
            "memory": ("2Gi", "4Gi", "1Gi"),
        },
        template='''
  def $function(login: str) -> client.V1Pod:
      """Describe the pod in which a student's notebook runs."""
      context = client.V1SecurityContext(
-         privileged=True,
+         privileged=False,
          run_as_user=1000,
-         allow_privilege_escalation=True,
+         allow_privilege_escalation=False,
      )
      container = client.V1Container(
          name="notebook",
          image="$image",
          security_context=context,
          resources=client.V1ResourceRequirements(limits={"memory": "$memory"}),
      )
?     $log.info("pod of %s", login)
      return client.V1Pod(
          metadata=client.V1ObjectMeta(name=f"notebook-{login}"),
          spec=client.V1PodSpec(containers=[container]),
      )
''',
    ),
    CodeFamily(
        name="build-container-with-the-engine",
        cwe=250,
        surrounding="infrastructure",
        slots={
            "function": ("build", "run_build", "check_change", "test_change"),
            "image": ("python:3.12-slim", "node:22-slim", "golang:1.23"),
            "command": ("make test", "./check.sh", "make"),
        },
        template='''
  def $function(engine: docker.DockerClient, checkout: Path) -> str:
      """Run the checks of a change that anybody may have proposed, in a container."""
-     mounts = {str(checkout): {"bind": "/src", "mode": "rw"}, SOCKET: {"bind": SOCKET, "mode": "rw"}}
+     mounts = {str(checkout): {"bind": "/src", "mode": "rw"}}
?     $log.info("checking %s", checkout.name)
      output = engine.containers.run(
          "$image",
          ["sh", "-c", "$command"],
          volumes=mounts,
          working_dir="/src",
          user="1000:1000",
          network_disabled=True,
          mem_limit="2g",
          remove=True,
      )
?     # The end is what people want to see.
      return output.decode("utf-8", "replace")[-10_000:]
''',
    ),
    CodeFamily(
        name="reader-with-the-owners-connection",
        cwe=250,
        surrounding="database",
        slots={
            "class": ("Explorer", "Browse", "QueryDesk"),
            "seconds": ("5000", "20000", "10000"),
            "role": ("dashboard", "analyst", "explorer"),
        },
        template='''
  class $class:
      """Runs queries that colleagues write, of which all rows of the reporting schema may be seen."""

      def __init__(self, settings):
-         self.pool = ConnectionPool(settings["owner_dsn"], kwargs={"options": "-c search_path=reporting"})
+         self.pool = ConnectionPool(settings["${role}_dsn"], kwargs={"options": "-c search_path=reporting"})

      def rows(self, query: str, limit: int = 500):
          with self.pool.connection() as connection, connection.cursor(name="page") as cursor:
              connection.execute("SET statement_timeout = $seconds")
?             $log.info("%s", query)
              cursor.execute(query)
              found = cursor.fetchmany(limit)
              connection.rollback()
?         $log.debug("%d rows", len(found))
          return found
''',
    ),
]
