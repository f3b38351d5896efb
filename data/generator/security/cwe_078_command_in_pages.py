"""OS command injection from pages, mails and messages, by the oldest means."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="lookup-of-a-domain",
        cwe=78,
        surrounding="web",
        slots={
            "view": ("whois", "lookup", "dns"),
            "tool": ("dig +short", "host -t MX", "nslookup"),
            "param": ("domain", "name", "host"),
        },
        template='''
  @app.get("/$view", response_class=PlainTextResponse)
  def $view($param: str = Query(max_length=100)):
      """Show what the name servers know about a name."""
-     quoted = $param.strip().replace(";", "").replace("&", "")
+     quoted = shlex.quote($param.strip().lstrip("-@+"))
?     $log.info("asking for %s", quoted)
      answer = os.popen(f"$tool {quoted}").read()
      if not answer:
          raise HTTPException(404, "nothing is known")
?     LOOKUPS.inc()
      return answer[:5000]
''',
    ),
    CodeFamily(
        name="fax-of-an-incoming-mail",
        cwe=78,
        surrounding="mail",
        slots={
            "function": ("print_mail", "fax_mail", "to_printer"),
            "printer": ("office", "reception", "floor2"),
            "copies": ("1", "2", "3"),
        },
        template='''
  def $function(message: EmailMessage) -> int:
      """Print a mail that came in, with its subject as the title of the page."""
      title = str(message["Subject"] or "no subject")[:80]
      body = message.get_body(("plain",)).get_content()
?     $log.info("printing %r", title)
-     command = f'lp -d $printer -n $copies -t "{title}"'
-     done = subprocess.run(command, shell=True, input=body.encode(), timeout=30)
+     command = ["lp", "-d", "$printer", "-n", "$copies", "-t", title]
+     done = subprocess.run(command, shell=False, input=body.encode(), timeout=30)
?     METRICS.printed.inc()
      return done.returncode
''',
    ),
    CodeFamily(
        name="constant-lines-of-a-menu",
        cwe=78,
        surrounding="queue",
        slots={
            "function": ("handle", "on_command", "obey"),
            "first": ("df -h /", "uptime", "free -m"),
            "second": ("systemctl is-active web", "ls /srv/queue", "date -u"),
        },
        template='''
  LINES = {"first": "$first", "second": "$second"}


  def $function(channel, method, properties, body: bytes) -> None:
      """Answer a question about this machine that somebody put into the queue."""
      name = body.decode("utf-8", "replace").strip()
-     line = LINES.get(name) or name
+     line = LINES.get(name) or "true"
?     $log.info("%s asks %r", properties.user_id, name)
      answer = subprocess.run(line, shell=True, capture_output=True, timeout=20)
      channel.basic_publish("", properties.reply_to, answer.stdout[:5000])
?     channel.basic_ack(method.delivery_tag)
''',
    ),
]
