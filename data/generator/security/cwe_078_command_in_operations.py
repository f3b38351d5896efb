"""OS command injection in tools that run machines: remote shells, containers, archives, deployments."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="paramiko-tail-of-a-log",
        cwe=78,
        surrounding="infrastructure",
        slots={
            "function": ("tail", "last_lines", "show_log", "peek"),
            "noun": ("unit", "service", "daemon"),
            "lines": ("50", "100", "200"),
        },
        template='''
  def $function(host: str, $noun: str) -> str:
      """Show the last messages of a $noun; the support page passes its name on."""
      client = paramiko.SSHClient()
      client.load_system_host_keys()
      client.connect(host, username="reader", timeout=10)
?     $log.info("reading %s on %s", $noun, host)
-     command = f"journalctl --no-pager -n $lines -u {$noun}"
+     command = f"journalctl --no-pager -n $lines -u {shlex.quote($noun)}"
      try:
          _, out, _ = client.exec_command(command, timeout=20)
          return out.read(65536).decode("utf-8", "replace")
      finally:
          client.close()
''',
    ),
    CodeFamily(
        name="fabric-unit-by-its-first-part",
        cwe=78,
        surrounding="infrastructure",
        slots={
            "function": ("restart", "reload_unit", "bounce", "kick"),
            "units": ('{"web", "worker", "mail"}', '{"api", "search"}', '{"nginx", "redis", "queue"}'),
            "verb": ("restart", "reload", "try-restart"),
        },
        template='''
  UNITS = $units


  def $function(hosts, unit, user):
      """Restart a unit on all machines; operators type its name into the chat."""
-     if unit.split(".")[0] not in UNITS:
+     name = unit.split(".")[0]
+     if name not in UNITS:
          raise ValueError(f"unknown unit {unit!r}")
?     $log.info("%s: $verb %s", user, unit)
      for host in hosts:
          with Connection(host, user="deploy") as machine:
-             machine.run(f"sudo systemctl $verb {unit}", hide=True, pty=False)
+             machine.run(f"sudo systemctl $verb {name}", hide=True, pty=False)
?     # Units come back one after another.
      return len(hosts)
''',
    ),
    CodeFamily(
        name="async-thumbnail-through-a-shell",
        cwe=78,
        surrounding="service",
        slots={
            "function": ("thumbnail", "shrink", "make_preview", "render_small"),
            "size": ("320x240", "160x160", "640x480"),
            "tool": ("convert", "magick", "gm"),
        },
        template='''
  async def $function(source: str, target: str) -> None:
      """Make a small picture of an upload that keeps the name it came with."""
?     $log.debug("%s to %s", source, target)
-     process = await asyncio.create_subprocess_shell(
-         f'$tool "{source}" -resize $size "{target}"',
+     process = await asyncio.create_subprocess_exec(
+         "$tool", f"./{source}", "-resize", "$size", f"./{target}",
          stdout=asyncio.subprocess.DEVNULL,
          stderr=asyncio.subprocess.PIPE,
      )
      _, complaint = await process.communicate()
      if process.returncode:
          raise RuntimeError(complaint.decode("utf-8", "replace"))
''',
    ),
    CodeFamily(
        name="pattern-through-the-environment",
        cwe=78,
        surrounding="web",
        slots={
            "view": ("count_lines", "how_often", "occurrences", "hits"),
            "file": ("access.log", "orders.csv", "visits.txt"),
            "param": ("pattern", "find", "words"),
        },
        template='''
  @bp.get("/logs/$view")
  def $view():
      """Count the lines of yesterday's file that hold a text."""
      $value = request.args.get("$param", "")
      if not $value:
          abort(400)
-     command = f'zcat -f $file* | grep -c -F -e "{$value}"'
+     command = 'zcat -f $file* | grep -c -F -e "$$WANTED"'
      surroundings = {"PATH": "/usr/bin:/bin", "WANTED": $value}
      done = subprocess.run(command, shell=True, cwd=LOGS, env=surroundings, capture_output=True, timeout=30)
?     $log.info("%r: %s", $value, done.stdout)
      return jsonify(lines=int(done.stdout or 0))
''',
    ),
    CodeFamily(
        name="mirror-clones-an-address",
        cwe=78,
        surrounding="job",
        slots={
            "function": ("mirror", "fetch_project", "clone_for_build", "pull_sources"),
            "folder": ("checkouts", "mirrors", "sources"),
            "depth": ("1", "20", "50"),
        },
        template='''
  @shared_task(time_limit=900)
  def $function(address: str, name: str) -> str:
      """Clone a project whose address somebody entered into the form."""
      target = Path("/srv/$folder") / slugify(name)
?     $log.info("cloning %s", address)
-     command = ["git", "clone", "--quiet", "--depth=$depth", address, str(target)]
+     command = ["git", "clone", "--quiet", "--depth=$depth", "--", address, str(target)]
      done = subprocess.run(command, capture_output=True, text=True, timeout=600)
      if done.returncode:
?         shutil.rmtree(target, ignore_errors=True)
          raise RuntimeError(done.stderr[-500:])
      return str(target)
''',
    ),
    CodeFamily(
        name="ssh-host-stripped-late",
        cwe=78,
        surrounding="network",
        slots={
            "function": ("uptime", "load_of", "ask_host", "probe"),
            "command": ("uptime", "df -h", "free -m"),
            "user": ("monitor", "status", "watch"),
        },
        template='''
  def $function(entry: str) -> str:
      """Ask a machine how it is; entries come from a text field with one host a line."""
-     if entry.startswith("-"):
-         raise ValueError(entry)
      host = entry.strip()
+     if host.startswith("-"):
+         raise ValueError(entry)
?     $log.debug("asking %s", host)
      command = ["ssh", "-l", "$user", "-o", "BatchMode=yes", host, "$command"]
      done = subprocess.run(command, capture_output=True, text=True, timeout=15)
?     # A silent machine is shown as such by the page.
      return done.stdout if done.returncode == 0 else ""
''',
    ),
    CodeFamily(
        name="clip-options-split-from-a-line",
        cwe=78,
        surrounding="job",
        slots={
            "function": ("cut_clip", "transcode", "make_clip", "trim_video"),
            "codec": ("libx264", "libvpx", "mpeg4"),
            "start": ("start", "begin", "offset"),
        },
        template='''
  def $function(source: Path, title: str, $start: float, target: Path):
      """Cut a minute out of a film and write its title, which the uploader gave, into it."""
?     $log.info("cutting %s", source.name)
-     line = f"ffmpeg -y -ss {float($start)} -i {source} -t 60 -metadata title={title} -c:v $codec {target}"
-     command = shlex.split(line)
+     command = shlex.split(f"ffmpeg -y -ss {float($start)} -t 60 -c:v $codec")
+     command[4:4] = ["-i", str(source), "-metadata", f"title={title}"]
+     command.append(str(target))
      done = subprocess.run(command, capture_output=True, timeout=900)
      if done.returncode:
          raise RuntimeError(done.stderr[-300:].decode("utf-8", "replace"))
?     target.chmod(0o644)
      return target
''',
    ),
    CodeFamily(
        name="workspace-name-half-matched",
        cwe=78,
        surrounding="infrastructure",
        slots={
            "function": ("select_workspace", "plan", "show_outputs", "refresh"),
            "tool": ("terraform", "tofu", "pulumi"),
            "what": ("branch", "label", "ticket"),
        },
        template='''
  NAME = re.compile(r"[a-z][a-z0-9-]{2,30}")


  def $function(folder, $what):
      """Switch to the workspace of a $what that the web hook names, and print what is in it."""
-     if NAME.match($what) is None:
+     if NAME.fullmatch($what) is None:
          raise ValueError(f"{$what!r} is no name of a workspace")
?     $log.info("workspace %s", $what)
      line = f"$tool workspace select {$what} && $tool output -json"
      done = subprocess.run(line, shell=True, cwd=folder, capture_output=True, text=True, check=True)
?     # The last line is the JSON.
      return json.loads(done.stdout.splitlines()[-1])
''',
    ),
    CodeFamily(
        name="nightly-tar-of-everything",
        cwe=78,
        surrounding="script",
        slots={
            "function": ("pack_uploads", "archive_day", "bundle", "save_inbox"),
            "suffix": ("tgz", "tar.gz"),
            "folder": ("uploads", "inbox", "dropbox"),
        },
        template='''
  def $function(day: date) -> Path:
      """Pack what people have put into the folder today, under the names that they gave."""
      target = Path("/backup") / f"$folder-{day:%Y%m%d}.$suffix"
      folder = Path("/srv/$folder") / f"{day:%Y/%m/%d}"
?     print(f"packing {folder}", file=sys.stderr)
-     line = f"tar czf {target} --owner=0 --group=0 *"
+     line = f"tar czf {target} --owner=0 --group=0 ./*"
      subprocess.run(line, shell=True, cwd=folder, check=True)
?     os.utime(target)
      return target
''',
    ),
    CodeFamily(
        name="container-shell-with-a-parameter",
        cwe=78,
        surrounding="infrastructure",
        slots={
            "function": ("grep_in", "look_up", "find_line", "search_config"),
            "path": ("/etc/app/app.conf", "/opt/service/settings.ini", "/srv/site/site.yaml"),
            "key": ("key", "option", "setting"),
        },
        template='''
  def $function(client: docker.DockerClient, name: str, $key: str) -> list[str]:
      """Find the lines of a container's settings that mention a key, as asked for on the status page."""
      container = client.containers.get(name)
-     command = ["sh", "-c", f"grep -n -F -e '{$key}' -- $path | head -n 20", "sh", $key]
+     command = ["sh", "-c", 'grep -n -F -e "$$1" -- $path | head -n 20', "sh", $key]
?     $log.debug("%s: %s", name, $key)
      code, output = container.exec_run(command, user="nobody")
      if code not in (0, 1):
          raise RuntimeError(output.decode("utf-8", "replace"))
?     # No line is no error.
      return output.decode("utf-8", "replace").splitlines()
''',
    ),
    CodeFamily(
        name="schedule-line-with-a-label",
        cwe=78,
        surrounding="subprocess",
        slots={
            "function": ("schedule", "add_line", "plan_report", "install_entry"),
            "program": ("/usr/local/bin/report", "/opt/app/send", "/usr/bin/make-pdf"),
            "noun": ("label", "remark", "subject"),
        },
        template=r'''
  def $function(hour: int, minute: int, $noun: str):
      """Add a line to the service's crontab; people give each of their reports a $noun."""
      if not (0 <= int(hour) < 24 and 0 <= int(minute) < 60):
          raise ValueError("no such time")
      present = subprocess.run(["crontab", "-l"], capture_output=True, text=True).stdout
-     $noun = $noun.strip("\r\n").replace("%", "")
+     $noun = re.sub(r"[\r\n%]", "", $noun)
?     $log.info("%02d:%02d %r", hour, minute, $noun)
      lines = f"{present.rstrip()}\n# {$noun}\n{int(minute)} {int(hour)} * * * $program\n"
      subprocess.run(["crontab", "-"], input=lines.lstrip(), text=True, check=True)
''',
    ),
    CodeFamily(
        name="cluster-pod-shell-line",
        cwe=78,
        surrounding="cloud",
        slots={
            "function": ("disk_use", "folder_size", "size_of_pvc", "used_space"),
            "root": ("/data", "/var/lib/app", "/mnt/share"),
            "who": ("tenant", "project", "customer"),
        },
        template='''
  def $function(api: client.CoreV1Api, pod: str, $who: str) -> int:
      """Tell how much one $who uses; a $who may rename its folder in the console."""
-     command = ["/bin/sh", "-c", f"du -sb $root/{$who} | cut -f1"]
+     command = ["/usr/bin/du", "-sb", f"$root/{$who}"]
?     $log.debug("%s in %s", $who, pod)
      output = stream(
          api.connect_get_namespaced_pod_exec,
          pod,
          "storage",
          command=command,
          stdout=True,
          stderr=False,
      )
?     # One number, or nothing where the folder is missing.
      return int(output.split()[0]) if output.strip() else 0
''',
    ),
]
