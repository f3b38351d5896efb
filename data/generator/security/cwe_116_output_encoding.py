"""Improper output encoding: a value changes the structure of what it is written into."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="spreadsheet-cell-begins-a-formula",
        cwe=116,
        surrounding="file",
        slots={
            "function": ("export", "write_sheet", "download_list", "to_csv"),
            "fields": ('("name", "company", "remark")', '("guest", "wish", "table")', '("title", "note", "price")'),
            "suffix": (".csv", ".tsv", ".txt"),
        },
        template='''
  FIELDS = $fields


  def $function(rows, target: Path) -> int:
      """Write what visitors have entered to a file that the office opens in its spreadsheet."""
      count = 0
      with target.with_suffix("$suffix").open("w", newline="", encoding="utf-8") as sink:
          writer = csv.writer(sink, quoting=csv.QUOTE_ALL)
          writer.writerow(FIELDS)
          for row in rows:
              cells = [str(row[field]).strip() for field in FIELDS]
-             writer.writerow([cell.replace("'", "") for cell in cells])
+             writer.writerow(["'" + cell if cell.startswith(("=", "+", "-", "@")) else cell for cell in cells])
              count += 1
?     $log.info("%d rows exported", count)
      return count
''',
    ),
    CodeFamily(
        name="xml-feed-with-a-title",
        cwe=116,
        surrounding="service",
        slots={
            "function": ("feed", "channel", "atom", "rss"),
            "element": ("title", "name", "label"),
            "text": ("summary", "teaser", "words"),
        },
        template='''
  def $function(entries) -> bytes:
      """Write the newest entries, which any member may post, as a feed."""
      parts = ["<?xml version='1.0' encoding='utf-8'?><feed>"]
      for entry in entries[:50]:
          $text = escape(entry.$text)
-         $element = entry.$element.strip()
+         $element = escape(entry.$element)
?         $log.debug("entry %s", entry.id)
          parts.append(f"<entry><$element>{$element}</$element><summary>{$text}</summary></entry>")
      parts.append("</feed>")
?     # Readers ask every ten minutes.
      return "".join(parts).encode()
''',
    ),
    CodeFamily(
        name="calendar-lines-of-an-invitation",
        cwe=116,
        surrounding="mail",
        slots={
            "function": ("invitation", "calendar_entry", "event_file", "ics"),
            "zone": ("Europe/Vienna", "Europe/Oslo", "America/Lima"),
            "place": ("room", "place", "venue"),
        },
        template=r'''
  def $function(title: str, $place: str, start: datetime, organiser: str) -> str:
      """Write an invitation as a calendar file; any guest may propose title and $place."""
-     title, $place = (value.replace(";", "\\;").replace(",", "\\,") for value in (title, $place))
+     title, $place = (re.sub(r"[\r\n]+", " ", value).replace(";", "\\;") for value in (title, $place))
?     $log.debug("invitation %r", title)
      lines = [
          "BEGIN:VCALENDAR",
          "BEGIN:VEVENT",
          f"DTSTART;TZID=$zone:{start:%Y%m%dT%H%M%S}",
          f"SUMMARY:{title}",
          f"LOCATION:{$place}",
          f"ORGANIZER:mailto:{organiser}",
          "END:VEVENT",
          "END:VCALENDAR",
      ]
?     # Clients want lines that end as in a mail.
      return "\r\n".join(lines) + "\r\n"
''',
    ),
    CodeFamily(
        name="server-block-of-a-site",
        cwe=116,
        surrounding="infrastructure",
        slots={
            "function": ("write_site", "add_site", "render_block", "publish_site"),
            "folder": ("sites-enabled", "conf.d", "vhosts"),
            "port": ("8080", "9000", "3000"),
        },
        template=r'''
  NAME = re.compile(r"[a-z0-9.-]+\Z")


  def $function(domain: str, customer: str) -> Path:
      """Write the web server's block for the domain that a customer has entered."""
-     if not NAME.search(domain):
+     if not NAME.match(domain):
          raise ValueError(f"{domain!r} is no domain")
?     $log.info("%s for %s", domain, customer)
      target = Path("/etc/nginx/$folder") / f"{uuid5(NAMESPACE_DNS, domain)}.conf"
      target.write_text(
          f"server {{\n  listen 80;\n  server_name {domain};\n"
          f"  location / {{ proxy_pass http://127.0.0.1:$port; }}\n}}\n"
      )
?     reload_soon()
      return target
''',
    ),
    CodeFamily(
        name="labels-of-exposed-numbers",
        cwe=116,
        surrounding="network",
        slots={
            "class": ("Exposition", "NumbersPage", "Gauges", "Exporter"),
            "metric": ("queue_length", "jobs_waiting", "disk_used", "visits_total"),
            "label": ("tenant", "project", "customer"),
        },
        template=r'''
  class $class:
      """Shows numbers in the format that the collector reads; people name their ${label}s as they like."""

      def __init__(self):
          self.numbers: dict[str, float] = {}

      def page(self) -> str:
          lines = ["# TYPE $metric gauge"]
          for $label, number in sorted(self.numbers.items()):
-             quoted = $label.strip().replace('"', "'")
+             quoted = json.dumps($label.strip())[1:-1]
?             $log.debug("%s: %s", $label, number)
              lines.append(f'$metric{{$label="{quoted}"}} {float(number)}')
?         lines.append("# EOF")
          return "\n".join(lines) + "\n"
''',
    ),
]
