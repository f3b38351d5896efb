"""Exposure of sensitive information: somebody is shown more than was meant for them."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="fastapi-staff-card",
        cwe=200,
        surrounding="web",
        slots={
            "model": ("Employee", "Teacher", "Driver", "Nurse", "Volunteer"),
            "route": ("staff", "people", "directory", "team", "phonebook"),
            "secret": ("national_id", "bank_account", "home_address", "birth_date", "blood_type"),
            "view": ("show_card", "read_card", "card", "contact"),
        },
        template='''
  @dataclass
  class $model:
      id: int
      name: str
      desk: str
      $secret: str
      salary: int


  OPEN_FIELDS = ("id", "name", "desk")


  @router.get("/$route/{key}")
  async def $view(key: int, response: Response, store: Store = Depends(get_store)):
      """Anybody may look up where a colleague sits."""
      $item = await store.load($model, key)
      full = asdict($item)
      shown = {name: full[name] for name in OPEN_FIELDS}
?     $log.info("card %s requested", key)
      response.headers["ETag"] = fingerprint(shown)
-     return full
+     return shown
''',
    ),
    CodeFamily(
        name="status-page-of-environment",
        cwe=200,
        surrounding="service",
        slots={
            "handler": ("StatusHandler", "HealthHandler", "InfoHandler", "PingHandler"),
            "route": ("status", "health", "info", "about", "ping"),
            "extra": ("TERM", "LC_ALL", "COLUMNS", "HOSTTYPE"),
            "key": ("settings", "runtime", "configuration", "environment"),
        },
        template="""
  STARTED = time.monotonic()
  BASICS = ("LANG", "TZ", "HOSTNAME", "$extra")


  class $handler(BaseHTTPRequestHandler):
      def do_GET(self):
          if self.path != "/$route":
              self.send_error(404)
              return
?         $log.debug("asked by %s", self.client_address[0])
          uptime = round(time.monotonic() - STARTED)
-         $key = {name: text for name, text in os.environ.items() if name not in BASICS}
+         $key = {name: text for name, text in os.environ.items() if name in BASICS}
          body = json.dumps({"uptime": uptime, "$key": $key}).encode()
          self.send_response(200)
          self.send_header("Content-Type", "application/json")
?         self.send_header("Cache-Control", "no-store")
          self.end_headers()
          self.wfile.write(body)
""",
    ),
    CodeFamily(
        name="round-mail-recipients",
        cwe=200,
        surrounding="script",
        slots={
            "function": ("tell_all", "send_round", "notify", "announce", "mail_out"),
            "people": ("patients", "donors", "clients", "applicants", "tenants"),
            "batch": ("40", "50", "80", "100"),
            "topic": ("opening hours", "new address", "waiting list", "holiday break"),
        },
        template='''
  BATCH = $batch


  def $function(connection, $people, subject, text):
      """Tell every one of the $people about the $topic."""
      addresses = sorted({person.email for person in $people if person.email})
      message = EmailMessage()
      message["Subject"] = subject
      message["From"] = SENDER
-     message["To"] = ", ".join(addresses)
+     message["To"] = SENDER
?     message["Date"] = formatdate(localtime=True)
      message.set_content(text)
      for start in range(0, len(addresses), BATCH):
          connection.send_message(message, to_addrs=addresses[start : start + BATCH])
?         $log.info("%d of %d sent", start, len(addresses))
      return len(addresses)
''',
    ),
    CodeFamily(
        name="partner-file-masking",
        cwe=200,
        surrounding="file",
        slots={
            "function": ("partner_lines", "export_lines", "survey_file", "weekly_extract"),
            "secret": ("iban", "card_number", "tax_number", "phone"),
            "table": ("customers", "subscribers", "guests", "policy_holders", "drivers"),
            "keep": ("2", "3", "4"),
        },
        template='''
  COLUMNS = ("id", "town", "$secret")


  def $function(cursor, since):
      """Yield the file for the survey partner, who gets only the last digits of a $secret, line by line."""
      buffer = io.StringIO()
      writer = csv.DictWriter(buffer, fieldnames=COLUMNS)
?     $log.info("export of $table since %s", since)
      cursor.execute("SELECT id, town, $secret FROM $table WHERE changed > %s", (since,))
      for row in cursor:
          masked = {**row, "$secret": "******" + row["$secret"][-$keep:]}
          $log.debug("exporting %s", masked)
-         writer.writerow(row)
+         writer.writerow(masked)
          yield buffer.getvalue()
          buffer.seek(0)
          buffer.truncate()
''',
    ),
    CodeFamily(
        name="format-line-of-a-member",
        cwe=200,
        surrounding="service",
        slots={
            "function": ("render_line", "signature", "greeting_of"),
            "attribute": ("name", "city", "title"),
            "opening": ("Dear", "Hello", "For"),
        },
        template='''
  LINE = "$opening {member.$attribute}"


  def $function(member, line: str = LINE) -> str:
      """Fill the line that a member has written for mails, in which `{member.$attribute}` may stand."""
      $attribute = str(member.$attribute)
-     filled = line.format(member=member, $attribute=$attribute)
+     filled = line.replace("{member.$attribute}", $attribute)
?     $log.debug("%d characters", len(filled))
      if len(filled) > 500:
          filled = filled[:500] + "..."
?     # Mails are sent by another worker.
      return filled
''',
    ),
    CodeFamily(
        name="rows-of-a-frame-with-all-columns",
        cwe=200,
        surrounding="science",
        slots={
            "view": ("sample", "preview_rows", "head_of"),
            "columns": (
                '["age_group", "region", "score"]',
                '["year", "district", "rent"]',
                '["week", "ward", "cases"]',
            ),
            "limit": ("50", "200", "20"),
        },
        template='''
  SHOWN = $columns


  async def $view(request):
      """Show the first rows of the study to visitors; names and numbers of people stay with us."""
      frame = request.app["frame"]
      wanted = request.query.getall("column", SHOWN)
-     columns = [column for column in wanted if column in frame.columns]
+     columns = [column for column in wanted if column in SHOWN]
?     $log.debug("showing %s", columns)
      rows = frame[columns].head($limit)
?     request["rows"] = len(rows)
      return web.Response(text=rows.to_json(orient="records"), content_type="application/json")
''',
    ),
]
