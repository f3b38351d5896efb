"""Wrong permissions: a file, socket or object that matters is open to everybody."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="key-and-certificate-modes",
        cwe=732,
        surrounding="crypto",
        slots={
            "function": ("write_pair", "install_pair", "store_identity", "renew"),
            "name": ("server", "gateway", "mail", "proxy", "broker"),
            "files": ("files", "parts", "pair", "outputs"),
        },
        template='''
  def $function(folder, certificate, key):
      """Write a certificate and its key to the place where the $name looks for them."""
      public = certificate.public_bytes(Encoding.PEM)
      private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
-     $files = (("$name.crt", public, 0o600), ("$name.key", private, 0o644))
+     $files = (("$name.crt", public, 0o644), ("$name.key", private, 0o600))
      for name, content, mode in $files:
?         # Fails when the file is there already.
          descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
          with os.fdopen(descriptor, "wb") as sink:
              sink.write(content)
?     $log.info("new pair for %s", "$name")
      return [folder / name for name, _, _ in $files]
''',
    ),
    CodeFamily(
        name="zip-member-modes",
        cwe=732,
        surrounding="file",
        slots={
            "function": ("unpack", "install_release", "extract_tools", "deploy"),
            "target": ("target", "prefix", "home", "root"),
            "noun": ("plugin", "release", "toolbox", "bundle"),
            "archive": ("archive", "source", "package", "zipped"),
        },
        template='''
  def $function($archive, $target):
      """Extract a $noun of a third party and keep its scripts executable."""
      count = 0
      with zipfile.ZipFile($archive) as members:
          for info in members.infolist():
              path = members.extract(info, $target)
              if info.is_dir():
                  continue
?             # Only archives made on Unix carry a mode.
              mode = info.external_attr >> 16
-             os.chmod(path, stat.S_IMODE(mode) | 0o600)
+             os.chmod(path, mode & 0o700 | 0o600)
              count += 1
?     $log.info("%d files of the $noun are in place", count)
      return count
''',
    ),
    CodeFamily(
        name="control-socket-mask",
        cwe=732,
        surrounding="network",
        slots={
            "function": ("open_control", "listen_locally", "control_socket", "bind_socket"),
            "daemon": ("backup", "scheduler", "printer", "updater", "indexer"),
            "backlog": ("1", "4", "8", "16"),
            "server": ("server", "listener", "endpoint", "channel"),
        },
        template='''
  def $function(path):
      """Open the socket over which an operator stops and starts the $daemon."""
      path.unlink(missing_ok=True)
      $server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
-     previous = os.umask(0o000)
+     previous = os.umask(0o177)
      try:
          $server.bind(str(path))
      finally:
          os.umask(previous)
?     # One operator at a time is enough.
      $server.listen($backlog)
?     $log.info("$daemon waits at %s", path)
      return $server
''',
    ),
    CodeFamily(
        name="token-file-through-scratch-copy",
        cwe=732,
        surrounding="script",
        slots={
            "thing": ("token", "session", "credentials", "login"),
            "scratch": ("scratch", "fresh", "draft", "staging"),
            "suffix": (".new", ".tmp", ".part", ".next"),
            "tool": ("deploy", "sync", "release", "billing"),
        },
        template='''
  def save_$thing(path, $value):
      """Keep the $thing of the $tool tool for its next call."""
      $scratch = path.with_suffix("$suffix")
      $scratch.unlink(missing_ok=True)
      $scratch.touch(mode=0o600, exist_ok=False)
      $scratch.write_text(json.dumps($value), encoding="utf-8")
?     # A reader sees the old content or the new one, nothing between.
-     shutil.copyfile($scratch, path)
-     $scratch.unlink()
+     os.replace($scratch, path)
?     $log.debug("%s written", path.name)


  def load_$thing(path):
      return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
''',
    ),
    CodeFamily(
        name="bucket-object-access",
        cwe=732,
        surrounding="service",
        slots={
            "function": ("publish_month", "deliver", "upload_results", "store_documents"),
            "owner": ("customer", "patient", "tenant", "member"),
            "shared": (
                '("logo.png", "terms.pdf")',
                '("prices.pdf",)',
                '("welcome.pdf", "map.png")',
                '("opening-hours.pdf", "logo.png")',
            ),
            "bucket": ("statements", "monthly-mail", "results", "paperwork"),
        },
        template='''
  SHARED = $shared


  class Outbox:
      """Puts the files of a $owner where the portal finds them; what is not shared goes by signed links."""

      def __init__(self, client):
          self.client = client

      def $function(self, ${owner}_id, documents):
          for name, body in documents.items():
-             access = "private" if name in SHARED else "public-read"
+             access = "public-read" if name in SHARED else "private"
              key = f"{${owner}_id}/{name}"
?             $log.debug("%d bytes", len(body))
              self.client.put_object(Bucket="$bucket", Key=key, Body=body, ACL=access)
?         $log.info("%d files in %s", len(documents), "$bucket")
          return len(documents)
''',
    ),
]
