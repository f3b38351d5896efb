"""Server-side request forgery: a caller decides which machine the server talks to."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="fastapi-preview-of-partner-page",
        cwe=918,
        surrounding="web",
        slots={
            "route": ("preview", "unfurl", "card", "embed"),
            "partners": (
                '("example.org", "example.net")',
                '("news.example.com", "radio.example.com")',
                '("example.edu",)',
                '("museum.example.org", "library.example.org")',
            ),
            "hosts": ("PARTNERS", "SOURCES", "PUBLISHERS", "SITES"),
            "key": ("title", "head", "start", "teaser"),
        },
        template='''
  $hosts = $partners


  @router.get("/$route")
  async def $route(url: str):
      """Return the beginning of a partner's page for the card below a message."""
      target = urlsplit(url)
-     if target.scheme != "https" or not target.netloc.endswith($hosts):
+     if target.scheme != "https" or target.hostname not in $hosts:
          raise HTTPException(status_code=400, detail="not one of our partners")
?     # Redirects are not followed.
      async with httpx.AsyncClient(timeout=5.0, follow_redirects=False) as client:
          page = await client.get(url)
?     $log.info("page of %d bytes", len(page.content))
      return {"status": page.status_code, "$key": page.text[:500]}
''',
    ),
    CodeFamily(
        name="django-regional-host",
        cwe=918,
        surrounding="service",
        slots={
            "view": ("FiguresView", "OverviewView", "PanelView", "SummaryView"),
            "service": ("stock", "quota", "forecast", "load"),
            "domain": ("example.com", "example.net", "example.org", "corp.example"),
            "parameter": ("region", "site", "zone", "area"),
        },
        template='''
  HOSTS = {"north": "$service-n1.$domain", "south": "$service-s1.$domain"}


  class $view(LoginRequiredMixin, View):
      """Show the figures that the $service servers keep."""

      def get(self, request):
          $parameter = request.GET.get("$parameter", "north")
-         host = HOSTS.get($parameter, f"$service-{$parameter}.$domain")
+         host = HOSTS.get($parameter, HOSTS["north"])
?         # Two seconds are plenty inside of one building.
          reply = requests.get(f"https://{host}/v1/figures", timeout=2, allow_redirects=False)
          if reply.status_code != 200:
?             $log.warning("the $service server answered %d", reply.status_code)
              return JsonResponse({"error": "no figures at the moment"}, status=502)
          return JsonResponse({"figures": reply.json()})
''',
    ),
    CodeFamily(
        name="probe-connects-to-checked-address",
        cwe=918,
        surrounding="network",
        slots={
            "function": ("probe", "banner_of", "check_port", "greeting"),
            "size": ("128", "256", "512", "1024"),
            "link": ("link", "connection", "peer", "stream"),
            "noun": ("mail server", "game server", "chat server", "name server"),
        },
        template='''
  def $function(host, port, timeout=3.0):
      """Return the first bytes that the $noun of a visitor says, for the page that tests it."""
      ip = socket.gethostbyname(host)
      if not ipaddress.ip_address(ip).is_global:
?         $log.info("%s is not on the internet", ip)
          raise ValueError("this $noun is not on the internet")
      if port not in PORTS:
          raise ValueError("this port is not tested")
-     with socket.create_connection((host, port), timeout) as $link:
+     with socket.create_connection((ip, port), timeout) as $link:
?         # Most of them speak first.
          return $link.recv($size)
''',
    ),
    CodeFamily(
        name="pdf-fetches-pictures",
        cwe=918,
        surrounding="template",
        slots={
            "function": ("render_offer", "make_pdf", "print_card", "render_page"),
            "kind": ("flyer", "menu", "diploma", "poster"),
            "host": ("static.example.org", "cdn.example.net", "img.example.com", "media.example.org"),
            "prefix": ("PICTURES", "ASSETS", "STATIC", "MEDIA"),
        },
        template='''
- $prefix = "https://$host"
+ $prefix = "https://$host/"


  def $function(markup):
      """Make a PDF of a $kind that its author edits in the browser."""

      def fetch(url):
          if not url.startswith($prefix):
?             $log.debug("picture left out")
              raise ValueError("pictures come from the library")
          return default_url_fetcher(url, timeout=5)

      document = HTML(string=markup, url_fetcher=fetch)
?     metrics.count("pdf.$kind")
      return document.write_pdf()
''',
    ),
    CodeFamily(
        name="curl-package-of-mirror",
        cwe=918,
        surrounding="subprocess",
        slots={
            "function": ("download", "fetch_package", "pull", "get_source"),
            "mirror": ("MIRROR", "UPSTREAM", "BASE", "ORIGIN"),
            "path": ("stable", "pool", "sources", "wheels"),
            "name": ("name", "package", "filename", "wanted"),
        },
        template='''
  $mirror = "https://packages.example.net/$path/"


  @task(queue="builds")
  def $function($name):
      """Download the file that a build request names and return where it lies."""
-     address = urljoin($mirror, $name)
+     address = $mirror + quote($name, safe="")
      target = CACHE / hashlib.sha256(address.encode()).hexdigest()
      if target.exists():
?         metrics.count("cache.hit")
          return str(target)
      command = ["curl", "--fail", "--silent", "--globoff", "--max-time", "60", "--output", str(target), "--", address]
?     $log.info("asking the mirror")
      subprocess.run(command, check=True)
      return str(target)
''',
    ),
]
