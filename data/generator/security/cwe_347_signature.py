"""Improper verification of a signature: forged data passes for genuine."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="fastapi-key-out-of-the-token",
        cwe=347,
        surrounding="web",
        slots={
            "function": ("signed_in", "current_subject", "caller", "bearer"),
            "audience": ("shop", "payments", "archive", "planner"),
            "keys": ("PROVIDER_KEYS", "KNOWN_KEYS", "KEY_SET", "PUBLISHED"),
            "claims": ("claims", "payload", "body", "content"),
        },
        template='''
  async def $function(credentials: HTTPAuthorizationCredentials = Depends(HTTPBearer())) -> str:
      """Return the subject of the access token; $keys maps key ids to keys of the provider."""
      token = credentials.credentials
      try:
          header = jwt.get_unverified_header(token)
          known = header["kid"] in $keys
-         key = $keys[header["kid"]] if known else jwt.PyJWK(header["jwk"]).key
+         key = $keys[header["kid"]] if known else await refreshed_key(header["kid"])
?         $log.debug("key %s", header["kid"])
          $claims = jwt.decode(token, key, algorithms=["RS256"], audience="$audience")
      except (jwt.PyJWTError, KeyError) as error:
          raise HTTPException(401, "token refused") from error
?     $log.info("request of %s", $claims["sub"])
      return $claims["sub"]
''',
    ),
    CodeFamily(
        name="flask-hook-without-header",
        cwe=347,
        surrounding="web",
        slots={
            "route": ("payments", "repository", "shipping", "calendar", "chat"),
            "function": ("on_event", "receive_hook", "take_event", "notified"),
            "header": ("X-Signature", "X-Hub-Signature-256", "X-Event-Digest", "Webhook-Signature"),
            "setting": ("HOOK_SECRET", "PARTNER_SECRET", "EVENT_KEY", "CALLBACK_KEY"),
        },
        template='''
  @app.post("/hooks/$route")
  def $function():
      """Queue an event that the partner reports to us."""
      body = request.get_data()
      signature = request.headers.get("$header", "")
      expected = hmac.new(app.config["$setting"].encode(), body, hashlib.sha256).hexdigest()
-     if signature and not hmac.compare_digest(expected, signature):
+     if not hmac.compare_digest(expected, signature):
?         $log.warning("signature of an event does not fit")
          abort(403)
      event = json.loads(body)
?     $log.info("event %s", event.get("id"))
      queue.enqueue("$route", event)
      return "", 202
''',
    ),
    CodeFamily(
        name="datagram-counted-but-used",
        cwe=347,
        surrounding="network",
        slots={
            "protocol": ("MeterProtocol", "BeaconReceiver", "SensorEndpoint", "TrackerProtocol"),
            "devices": ("meters", "beacons", "sensors", "trackers"),
            "counter": ("rejected", "refused", "bad", "mismatches"),
            "key": ("public_key", "device_key", "verifier", "station_key"),
        },
        template='''
  class $protocol(asyncio.DatagramProtocol):
      """Takes readings of the $devices outside: 64 bytes of Ed25519 signature, then JSON."""

      def __init__(self, $key, queue):
          self.$key = $key
          self.queue = queue
          self.$counter = 0

      def datagram_received(self, data, addr):
          signature, body = data[:64], data[64:]
          try:
              self.$key.verify(signature, body)
          except InvalidSignature:
              self.$counter += 1
?             $log.warning("bad datagram from %s", addr[0])
+             return
?         # Times are set by the devices themselves.
          self.queue.put_nowait(json.loads(body))
''',
    ),
    CodeFamily(
        name="package-signature-exit-status",
        cwe=347,
        surrounding="subprocess",
        slots={
            "function": ("install", "apply_update", "add_package", "upgrade_from"),
            "keyring": (
                "/etc/updates/keyring.gpg",
                "/opt/agent/trusted.gpg",
                "/usr/share/keys/vendor.gpg",
                "/var/lib/agent/keys.gpg",
            ),
            "installer": (
                '["dpkg", "--install"]',
                '["rpm", "--upgrade"]',
                '["pacman", "-U", "--noconfirm"]',
                '["installer", "-target", "/", "-pkg"]',
            ),
            "done": ("verdict", "checked", "outcome", "status"),
            "package": ("package", "archive", "update", "bundle"),
        },
        template='''
  KEYRING = "$keyring"


  def $function($package):
      """Check the detached signature of a downloaded file and hand the file to the installer."""
      command = ["gpgv", "--keyring", KEYRING, f"{$package}.sig", str($package)]
      $done = subprocess.run(command, capture_output=True, text=True, timeout=60)
?     $log.info("gpgv: %s", $done.stderr)
-     if $done.returncode < 0:
+     if $done.returncode != 0:
          raise RuntimeError(f"{$package} cannot be installed")
?     # The file lies in a folder that belongs to root.
      subprocess.run($installer + [str($package)], check=True)
''',
    ),
    CodeFamily(
        name="assertion-read-from-the-whole-document",
        cwe=347,
        surrounding="deserialisation",
        slots={
            "function": ("subject_of", "user_from_response", "read_assertion", "name_in"),
            "document": ("document", "response", "tree", "envelope"),
            "signed": ("signed", "verified", "assertion", "genuine"),
            "minutes": ("2", "3", "5", "10"),
        },
        template='''
  NAMES = {"saml": "urn:oasis:names:tc:SAML:2.0:assertion"}


  def $function(encoded):
      """Return the user for whom the identity provider has signed a fresh assertion."""
      $document = etree.fromstring(base64.b64decode(encoded), PARSER)
      $signed = XMLVerifier().verify($document, x509_cert=PROVIDER_CERTIFICATE).signed_xml
      issued = datetime.fromisoformat($signed.get("IssueInstant"))
      if datetime.now(UTC) - issued > timedelta(minutes=$minutes):
          raise PermissionError("sign in again")
?     $log.debug("assertion of %s", issued)
-     subject = $document.find(".//saml:NameID", NAMES)
+     subject = $signed.find(".//saml:NameID", NAMES)
      if subject is None:
          raise PermissionError("nobody is named")
?     $log.info("%s comes from the provider", subject.text)
      return subject.text
''',
    ),
    CodeFamily(
        name="algorithm-that-the-token-names",
        cwe=347,
        surrounding="web",
        slots={
            "function": ("account_of", "read_token", "check_token", "open_token"),
            "audience": ("shop", "portal", "desk"),
            "header": ("Authorization", "X-Token"),
        },
        template='''
  def $function(request, public_key: str) -> dict:
      """Give the claims of the token that the sign-in service has issued with its private key."""
      scheme, _, token = request.headers.get("$header", "").partition(" ")
      if scheme != "Bearer":
          raise PermissionError("no token")
      header = jwt.get_unverified_header(token)
?     $log.debug("token of key %s", header.get("kid"))
-     options = {"verify_signature": header["alg"] != "none", "require": ["exp", "sub"]}
+     options = {"verify_signature": True, "require": ["exp", "sub"]}
      return jwt.decode(token, public_key, algorithms=["RS256"], audience="$audience", options=options)
''',
    ),
    CodeFamily(
        name="failed-check-is-only-logged",
        cwe=347,
        surrounding="queue",
        slots={
            "class": ("Intake", "Receiver", "Orders"),
            "method": ("take", "receive", "on_message"),
            "field": ("lines", "amount", "target"),
        },
        template='''
  class $class:
      """Takes orders of partners out of a queue that others may write to as well."""

      def __init__(self, keys, desk):
          self.keys = keys
          self.desk = desk

      def $method(self, body: bytes, partner: str, signature: bytes) -> bool:
          try:
              self.keys[partner].verify(signature, body)
          except (KeyError, InvalidSignature):
              $log.warning("signature of %s does not fit", partner)
-             self.failed += 1
+             return False
          order = json.loads(body)
          self.desk.place(partner, order["$field"])
          return True
''',
    ),
    CodeFamily(
        name="key-that-comes-with-the-package",
        cwe=347,
        surrounding="infrastructure",
        slots={
            "function": ("install", "accept_package", "unpack_update", "take_update"),
            "suffix": (".fw", ".pkg", ".bundle"),
            "folder": ("/opt/updates", "/var/lib/firmware", "/srv/packages"),
        },
        template='''
  def $function(package: Path, vendor_key: bytes) -> Path:
      """Check an update that a mirror has sent, and put it where the installer looks."""
      told = json.loads(package.with_suffix(".json").read_bytes())
      body = package.read_bytes()
-     key = Ed25519PublicKey.from_public_bytes(base64.b64decode(told.get("key", vendor_key)))
+     key = Ed25519PublicKey.from_public_bytes(vendor_key)
      key.verify(base64.b64decode(told["signature"]), body)
?     $log.info("%s is signed", package.name)
      target = Path("$folder") / f"{hashlib.sha256(body).hexdigest()}$suffix"
      target.write_bytes(body)
?     target.chmod(0o444)
      return target
''',
    ),
    CodeFamily(
        name="signed-body-but-other-query",
        cwe=347,
        surrounding="web",
        slots={
            "view": ("paid", "delivered", "settled"),
            "header": ("X-Provider-Signature", "X-Pay-Tag", "X-Sign"),
            "field": ("order", "invoice", "parcel"),
        },
        template='''
  @csrf_exempt
  @require_POST
  def $view(request):
      """The provider tells that an $field is done; it signs the bodies of its calls."""
      ours = hmac.new(settings.PROVIDER_KEY, request.body, "sha256").hexdigest()
      if not hmac.compare_digest(ours, request.headers.get("$header", "")):
?         $log.warning("%d bytes with a wrong signature", len(request.body))
          return HttpResponseForbidden()
      told = json.loads(request.body)
-     number = int(request.GET.get("$field", told["$field"]))
+     number = int(told["$field"])
      Order.objects.filter(pk=number).update(state="$view")
?     $log.info("%d is $view", number)
      return JsonResponse({"seen": number})
''',
    ),
    CodeFamily(
        name="certificate-address-in-the-message",
        cwe=347,
        surrounding="cloud",
        slots={
            "function": ("check_notice", "verified", "read_notice"),
            "suffix": (".notices.example.org", ".cloud.example.com", ".events.example.net"),
            "field": ("SigningCertURL", "CertificateUrl", "signer"),
        },
        template='''
  def $function(message: dict) -> dict:
      """Check a notice of the cloud, which names the address of the certificate that signed it."""
      address = urlsplit(message["$field"])
-     if address.scheme != "https" or "$suffix" not in message["$field"]:
+     if address.scheme != "https" or not address.hostname.endswith("$suffix"):
          raise PermissionError(address.hostname)
?     $log.debug("signed by %s", address.path)
      pem = requests.get(message["$field"], timeout=5, allow_redirects=False).content
      key = x509.load_pem_x509_certificate(pem).public_key()
      signed = canonical(message)
      key.verify(base64.b64decode(message["Signature"]), signed, padding.PKCS1v15(), hashes.SHA256())
?     METRICS.notices.inc()
      return json.loads(message["Message"])
''',
    ),
    CodeFamily(
        name="cookie-state-read-before-loading",
        cwe=347,
        surrounding="service",
        slots={
            "class": ("CookieSessions", "StateCookie", "SignedState"),
            "age": ("3600", "86400", "1800"),
            "salt": ("session", "state", "basket"),
        },
        template='''
  class $class:
      """Keeps the state of a visitor in a signed cookie."""

      def __init__(self, key: str):
          self.signer = TimestampSigner(key, salt="$salt")

      def read(self, request) -> dict:
          cookie = request.cookies.get("$salt", "")
-         packed = cookie.rsplit(self.signer.sep.decode(), 2)[0]
          try:
-             self.signer.validate(cookie, max_age=$age)
+             packed = self.signer.unsign(cookie, max_age=$age)
              return json.loads(base64.urlsafe_b64decode(packed))
          except (BadData, ValueError):
?             $log.debug("no state of %s", request.remote)
              return {}
''',
    ),
]
