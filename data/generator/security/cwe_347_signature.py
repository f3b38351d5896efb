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
]
