"""Server-side request forgery by workers, imports, previews and proxies."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="hook-host-resolved-and-ignored",
        cwe=918,
        surrounding="service",
        slots={
            "function": ("deliver", "call_hook", "send_event", "notify"),
            "header": ("X-Event", "X-Shop-Event", "X-Kind"),
            "seconds": ("5", "10", "8"),
        },
        template='''
  async def $function(session: aiohttp.ClientSession, address: str, event: dict) -> int:
      """Send an event to the address that a customer has entered."""
      parts = urlsplit(address)
      found = await asyncio.get_running_loop().getaddrinfo(parts.hostname, parts.port or 443)
      numbers = {ipaddress.ip_address(entry[4][0]) for entry in found}
-     if parts.scheme != "https" or not numbers:
+     if parts.scheme != "https" or not all(number.is_global for number in numbers):
          raise ValueError(f"no address for events: {address}")
?     $log.info("%s to %s", event["kind"], parts.hostname)
      pinned = urlunsplit(parts._replace(netloc=f"{_bracketed(numbers.pop())}:{parts.port or 443}"))
      async with session.post(
          pinned,
          json=event,
          headers={"Host": parts.hostname, "$header": event["kind"]},
          server_hostname=parts.hostname,
          allow_redirects=False,
          timeout=$seconds,
      ) as reply:
          return reply.status
''',
    ),
    CodeFamily(
        name="import-follows-redirects",
        cwe=918,
        surrounding="job",
        slots={
            "function": ("import_feed", "fetch_calendar", "pull_list", "load_remote"),
            "hosts": (
                '("feeds.example.org", "news.example.com")',
                '("ical.example.net",)',
                '("data.example.org", "open.example.com")',
            ),
            "limit": ("2_000_000", "500_000", "5_000_000"),
        },
        template='''
  HOSTS = $hosts


  @shared_task(max_retries=3)
  def $function(address: str) -> bytes:
      """Fetch a file from one of the hosts that members may import from; some let their users redirect."""
      parts = urlsplit(address)
      if parts.scheme != "https" or parts.hostname not in HOSTS:
          raise ValueError(f"no import from {parts.hostname}")
?     $log.info("importing %s", address)
-     reply = requests.get(address, timeout=20, stream=True)
+     reply = requests.get(address, timeout=20, stream=True, allow_redirects=False)
      reply.raise_for_status()
?     # Bodies may be long.
      return reply.raw.read($limit, decode_content=True)
''',
    ),
    CodeFamily(
        name="host-ends-with-ours",
        cwe=918,
        surrounding="web",
        slots={
            "view": ("proxy", "preview", "fetch_card", "embed"),
            "domain": ("example.org", "example.com", "example.net"),
            "param": ("url", "src", "page"),
        },
        template='''
  @bp.get("/$view")
  def $view():
      """Fetch a page of one of our sites on behalf of the browser."""
      address = request.args.get("$param", "")
      host = urlsplit(address).hostname or ""
-     if not host.endswith("$domain"):
+     if not host.endswith(".$domain"):
?         $log.info("not ours: %s", host)
          abort(403)
      reply = httpx.get(address, timeout=5, follow_redirects=False)
?     current_app.logger.debug("%s", reply.status_code)
      return Response(reply.content[:200_000], mimetype="text/plain")
''',
    ),
    CodeFamily(
        name="path-joined-to-the-inner-service",
        cwe=918,
        surrounding="service",
        slots={
            "class": ("Gateway", "StockClient", "PriceClient", "Inner"),
            "base": ("http://stock.internal", "http://prices.internal:8000", "http://users.internal"),
            "method": ("item", "read", "lookup"),
        },
        template='''
  class $class:
      """Asks the inner service, with the right to read everything, for what a visitor looks at."""

      base = "$base"

      def __init__(self, client: httpx.AsyncClient):
          self.client = client

      async def $method(self, name: str) -> dict:
-         address = urljoin(self.base + "/public/", quote(name.strip("."), safe="/:"))
+         address = self.base + "/public/" + quote(name.strip("."), safe="")
?         $log.debug("asking %s", address)
          reply = await self.client.get(address, timeout=3)
          reply.raise_for_status()
?         # Answers are small.
          return reply.json()
''',
    ),
    CodeFamily(
        name="storage-endpoint-of-a-tenant",
        cwe=918,
        surrounding="cloud",
        slots={
            "function": ("client_for", "connect", "storage_of", "open_store"),
            "regions": ('{"eu-west-1", "eu-north-1"}', '{"us-east-2", "ca-central-1"}', '{"ap-south-1"}'),
            "retries": ("2", "4", "6"),
        },
        template='''
  REGIONS = $regions


  def $function(settings: dict):
      """Connect to the bucket that a tenant has set up on the storage page."""
      region = settings["region"]
      if region not in REGIONS:
          raise ValueError(f"unknown region {region!r}")
-     endpoint = settings.get("endpoint") or f"https://s3.{region}.amazonaws.com"
+     endpoint = f"https://s3.{region}.amazonaws.com"
?     $log.info("tenant %s in %s", settings["tenant"], region)
      session = boto3.session.Session(settings["key"], settings["secret"], region_name=region)
      return session.client("s3", endpoint_url=endpoint, config=Config(retries={"max_attempts": $retries}))
''',
    ),
    CodeFamily(
        name="ip-checked-as-text",
        cwe=918,
        surrounding="network",
        slots={
            "function": ("check_port", "is_open", "knock", "try_port"),
            "prefixes": (
                '("10.", "192.168.", "127.")',
                '("127.", "10.", "172.16.")',
                '("192.168.", "169.254.", "127.")',
            ),
            "seconds": ("2", "3", "5"),
        },
        template='''
  BARRED = $prefixes


  def $function(host: str, port: int) -> bool:
      """Tell a visitor of the test page whether a port of a machine on the internet answers."""
-     if host.startswith(BARRED) or host == "localhost":
+     number = ipaddress.ip_address(host)
+     if not number.is_global:
          raise ValueError("only machines on the internet")
?     $log.info("knocking at %s:%d", host, port)
      try:
-         with socket.create_connection((host, port), timeout=$seconds):
+         with socket.create_connection((str(number), port), timeout=$seconds):
              return True
      except OSError:
          return False
''',
    ),
    CodeFamily(
        name="graphql-avatar-address",
        cwe=918,
        surrounding="graphql",
        slots={
            "mutation": ("SetAvatar", "ChangeLogo", "AddCover", "PickIcon"),
            "field": ("avatar", "logo", "cover"),
            "host": ("images.example.org", "media.example.net", "cdn.example.com"),
        },
        template='''
  class $mutation(Mutation):
      """Copies a picture from the picture host into the profile."""

      class Arguments:
          address = String(required=True)

      ok = Boolean()

      def mutate(root, info, address):
-         if not address.startswith("https://$host"):
+         if not address.startswith("https://$host/"):
              raise GraphQLError("pictures come from the picture host")
?         $log.debug("fetching %s", address)
          reply = requests.get(address, timeout=10, allow_redirects=False)
          info.context.user.profile.$field.save("picture", ContentFile(reply.content[:2_000_000]))
?         info.context.counter.inc()
          return $mutation(ok=reply.ok)
''',
    ),
    CodeFamily(
        name="metadata-refused-after-the-fetch",
        cwe=918,
        surrounding="job",
        slots={
            "function": ("screenshot", "capture", "archive_page", "snapshot"),
            "folder": ("snapshots", "captures", "pages"),
            "agent": ("archiver/1", "snapshot/2", "pagebot/1"),
        },
        template='''
  def $function(address: str) -> Path:
      """Archive a page that a reader has proposed; copies are public."""
-     reply = requests.get(address, headers={"User-Agent": "$agent"}, allow_redirects=False)
      number = ipaddress.ip_address(socket.gethostbyname(urlsplit(address).hostname))
      if not number.is_global:
-         $log.warning("%s is within the house", address)
+         raise ValueError(f"{address} is within the house")
+     pinned, host = pin(address, number)
+     reply = requests.get(pinned, headers={"User-Agent": "$agent", "Host": host}, allow_redirects=False)
?     # The digest names the copy.
      target = Path("/srv/$folder") / hashlib.sha256(reply.content).hexdigest()
      target.write_bytes(reply.content)
?     $log.info("%s: %d bytes", address, len(reply.content))
      return target
''',
    ),
]
