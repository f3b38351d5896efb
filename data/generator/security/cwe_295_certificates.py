"""Improper certificate validation: the peer of an encrypted connection may be anybody."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="requests-call-overrides-session",
        cwe=295,
        surrounding="service",
        slots={
            "client": ("PartnerClient", "StockFeed", "LedgerClient", "WeatherSource", "CustomsApi"),
            "bundle": ("/etc/ssl/partner-ca.pem", "/opt/app/roots.pem", "/etc/pki/own-ca.crt", "certs/chain.pem"),
            "noun": ("orders", "quotes", "entries", "stations", "parcels"),
            "method": ("fetch", "read", "load_one", "get_record"),
        },
        template='''
  class $client:
      """Reads $noun from the interface of the partner."""

      def __init__(self, base, token):
          self.base = base
          self.session = requests.Session()
          self.session.verify = "$bundle"
          self.session.headers["Authorization"] = f"Bearer {token}"

      def $method(self, number):
          url = f"{self.base}/$noun/{int(number)}"
?         $log.debug("GET %s", url)
-         response = self.session.get(url, timeout=10, verify=False)
+         response = self.session.get(url, timeout=10)
          response.raise_for_status()
?         METRICS.incr("$noun.read")
          return response.json()
''',
    ),
    CodeFamily(
        name="socket-without-own-authority",
        cwe=295,
        surrounding="network",
        slots={
            "function": ("open_channel", "connect_tls", "dial", "secure_socket"),
            "port": ("6514", "8883", "5671", "853", "993"),
            "greeting": ('b"HELO"', 'b"READY?"', 'b"v2"', 'b"SYNC"'),
            "bundle": ("cafile", "roots", "authority", "trust"),
        },
        template='''
  def $function(host, port=$port, $bundle=None):
      """Open an encrypted connection and greet; a private authority may be given as a file."""
      context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
      context.minimum_version = ssl.TLSVersion.TLSv1_2
      if $bundle:
          context.load_verify_locations($bundle)
      else:
?         $log.info("no authority given for %s", host)
-         context.check_hostname = False
-         context.verify_mode = ssl.CERT_NONE
+         context.load_default_certs()
      plain = socket.create_connection((host, port), timeout=15)
      channel = context.wrap_socket(plain, server_hostname=host)
?     $log.debug("%s speaks %s", host, channel.version())
      channel.sendall($greeting)
      return channel
''',
    ),
    CodeFamily(
        name="mail-context-for-one-port",
        cwe=295,
        surrounding="script",
        slots={
            "function": ("send_reminder", "mail_report", "notify", "send_summary"),
            "host": ("smtp.example.org", "mail.corp.example", "relay.example.net", "post.example.com"),
            "sender": ("robot@example.org", "reports@example.com", "noreply@example.net", "desk@example.org"),
            "setting": ("SMTP_PASSWORD", "MAIL_SECRET", "RELAY_PASSWORD", "POST_PASSWORD"),
        },
        template='''
  HOST = "$host"


  def $function(recipient, subject, body, port=587):
      """Send one message over the relay of the house."""
      message = EmailMessage()
      message["From"], message["To"], message["Subject"] = "$sender", recipient, subject
      message.set_content(body)
      context = ssl.create_default_context()
      if port == 465:
          relay = smtplib.SMTP_SSL(HOST, port, timeout=20, context=context)
      else:
?         # The relay talks plain text first, then changes over.
          relay = smtplib.SMTP(HOST, port, timeout=20)
-         relay.starttls()
+         relay.starttls(context=context)
      with relay:
          relay.login("$sender", os.environ["$setting"])
          relay.send_message(message)
?     print(f"sent to {recipient}")
''',
    ),
    CodeFamily(
        name="aiohttp-default-of-a-table",
        cwe=295,
        surrounding="web",
        slots={
            "function": ("forward_order", "push_event", "deliver", "post_booking"),
            "first": ("api.north.example", "edi.harbour.example", "gate.supplier.example", "in.bank.example"),
            "second": ("b2b.south.example", "hub.carrier.example", "io.insurer.example", "rx.clinic.example"),
            "path": ("orders", "events", "v1/inbox", "bookings"),
        },
        template='''
  PRIVATE = {
      "$first": ssl.create_default_context(cafile="/etc/partners/first.pem"),
      "$second": ssl.create_default_context(cafile="/etc/partners/second.pem"),
  }


  async def $function(host, payload):
      """Hand a payload to the server of a partner, some of which have an authority of their own."""
-     tls = PRIVATE.get(host, False)
+     tls = PRIVATE.get(host, True)
?     $log.info("sending to %s", host)
      connector = aiohttp.TCPConnector(ssl=tls, limit=4)
      async with aiohttp.ClientSession(connector=connector, timeout=TIMEOUT) as session:
          async with session.post(f"https://{host}/$path", json=payload) as response:
?             $log.debug("%s said %d", host, response.status)
              response.raise_for_status()
              return await response.json()
''',
    ),
    CodeFamily(
        name="issuer-compared-by-name",
        cwe=295,
        surrounding="crypto",
        slots={
            "function": ("peer_key", "accept_peer", "key_for", "trusted_key"),
            "authority": ("authority", "root", "anchor", "parent"),
            "leaf": ("leaf", "certificate", "cert", "peer"),
            "complaint": ('"out of date"', '"not valid today"', '"expired"', '"too early or too late"'),
        },
        template='''
  def $function(pem, host, anchor_pem):
      """Return the public key of a peer to whom our own authority gave a certificate for the host."""
      $authority = x509.load_pem_x509_certificate(anchor_pem)
      $leaf = x509.load_pem_x509_certificate(pem)
?     $log.debug("serial %d for %s", $leaf.serial_number, host)
      names = $leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
      if host not in names.get_values_for_type(x509.DNSName):
          raise ValueError("made for another host")
      if not $leaf.not_valid_before_utc <= datetime.now(UTC) <= $leaf.not_valid_after_utc:
          raise ValueError($complaint)
-     if $leaf.issuer != $authority.subject:
-         raise ValueError("made by another authority")
+     $leaf.verify_directly_issued_by($authority)
?     # Chains are of length two in this network.
      return $leaf.public_key()
''',
    ),
]
