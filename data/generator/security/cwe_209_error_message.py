"""Error message with sensitive information: a failure tells its reader about the inside of the system."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="django-middleware-trace",
        cwe=209,
        surrounding="template",
        slots={
            "middleware": ("FailurePage", "ErrorPage", "LastResort", "ApologyMiddleware"),
            "page": ("sorry", "failure", "oops", "server_error"),
            "apology": ("Something went wrong.", "That did not work.", "We are looking into it.", "Please try later."),
            "length": ("8", "10", "12", "16"),
        },
        template=r"""
  APOLOGY = "$apology"


  class $middleware:
      def __init__(self, get_response):
          self.get_response = get_response

      def __call__(self, request):
          return self.get_response(request)

      def process_exception(self, request, exception):
          reference = uuid.uuid4().hex[:$length]
          trace = "".join(traceback.format_exception(exception))
          $log.error("%s on %s\n%s", reference, request.path, trace)
?         metrics.increment("$page")
-         context = {"title": APOLOGY, "detail": trace}
+         context = {"title": APOLOGY, "detail": reference}
?         # The page shows both lines to the visitor.
          return render(request, "$page.html", context, status=500)
""",
    ),
    CodeFamily(
        name="aiohttp-order-exception-class",
        cwe=209,
        surrounding="web",
        slots={
            "problem": ("OrderProblem", "LineProblem", "BasketError", "CheckoutError"),
            "handler": ("place_order", "submit", "checkout", "create_order"),
            "procedure": ("place_order", "store_order", "book_lines", "reserve_lines"),
            "key": ("number", "order", "ticket", "reference"),
        },
        template='''
  class $problem(ValueError):
      """A mistake in the order, worded for the customer."""


  async def $handler(request):
      $value = await request.json()
      try:
          if not $value.get("lines"):
              raise $problem("The order is empty.")
?         $log.info("%d lines", len($value["lines"]))
          async with request.app["pool"].acquire() as connection:
              $key = await connection.fetchval("SELECT $procedure($$1)", json.dumps($value["lines"]))
-     except Exception as error:
+     except $problem as error:
?         $log.warning("order refused", exc_info=True)
          return web.json_response({"error": str(error)}, status=400)
      return web.json_response({"$key": $key}, status=201)
''',
    ),
    CodeFamily(
        name="line-server-os-error",
        cwe=209,
        surrounding="network",
        slots={
            "handler": ("BlobHandler", "FetchHandler", "LineHandler", "StoreHandler"),
            "store": ("/srv/blobs", "/var/lib/depot/objects", "/data/tenant-7/store", "/mnt/vault/files"),
            "limit": ("1 << 20", "4096", "65536", "1 << 22"),
            "name": ("key", "digest", "slot", "label"),
        },
        template=r'''
  STORE = "$store"
  LIMIT = $limit


  class $handler(socketserver.StreamRequestHandler):
      """Answer each line of the client with the blob of that name."""

      def handle(self):
          for line in self.rfile:
              $name = hashlib.sha256(PEPPER + line.strip()).hexdigest()
              try:
                  with open(os.path.join(STORE, $name[:2], $name), "rb") as stream:
                      body = stream.read(LIMIT)
              except OSError as error:
?                 $log.warning("%s: %s", self.client_address[0], error)
-                 self.wfile.write(f"ERR {error}\n".encode())
+                 self.wfile.write(f"ERR {error.strerror}\n".encode())
                  continue
?             $log.debug("%d bytes", len(body))
              self.wfile.write(b"OK %d\n" % len(body) + body)
''',
    ),
    CodeFamily(
        name="celery-provider-notice",
        cwe=209,
        surrounding="service",
        slots={
            "task": ("geocode", "rate_parcel", "check_address", "fetch_weather", "look_up"),
            "model": ("Job", "Lookup", "Enquiry", "Ticket"),
            "parameter": ("q", "query", "place", "address"),
            "key": ("PROVIDER_KEY", "GEO_KEY", "MAPS_KEY", "PARTNER_KEY"),
            "notice": ("notice", "message", "remark", "explanation"),
        },
        template='''
  @shared_task
  def $task(job_id):
      """Ask the provider; the customer reads the $notice on the page of the job."""
      job = $model.objects.get(pk=job_id)
      try:
          $result = requests.get(
              settings.PROVIDER_URL,
              params={"$parameter": job.question, "key": settings.$key},
              timeout=20,
          )
          $result.raise_for_status()
          job.outcome = $result.json()["best"]
      except requests.HTTPError as error:
?         $log.warning("job %s failed", job_id)
          job.$notice = f"The provider answered with {error.response.status_code}."
-         job.$notice += f" {error}"
?     metrics.increment("$task")
      job.save()
''',
    ),
]
