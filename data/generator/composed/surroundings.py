"""Where a composed program runs: how it begins, how it answers, how it leaves."""

from dataclasses import dataclass

from data.generator.composed.sources import (
    AIOHTTP,
    DJANGO,
    FASTAPI,
    FLASK,
    HANDLER,
    MESSAGE,
    OBJECT,
    SCRIPT,
    SOCKET,
    STORED,
    TORNADO,
)


@dataclass(frozen=True)
class Surrounding:
    """How a function begins and answers, in lines with slots.

    `$arg` is an argument that comes from outside, `$request` one through which such values come. `sources` are
    expressions of values from outside, `leaves` statements that end the function, `answer` its last line. `kind` is the
    surrounding of the row, `framework` names the uses that it has of its own. The body is indented by `depth` steps.
    """

    name: str
    kind: str
    head: str
    sources: tuple[str, ...]
    answer: str
    leaves: tuple[str, ...]
    framework: str = ""
    depth: int = 1


RAISES = ("raise ValueError('$word')", "return None", "raise PermissionError('$k')", "raise RuntimeError('$k $word')")
FLASK_LEAVES = ("abort(400)", "abort(403)", "return '$word', 400", "raise BadRequest()")
DJANGO_LEAVES = (
    "raise Http404",
    "return HttpResponseBadRequest()",
    "raise PermissionDenied",
    "return HttpResponse(status=400)",
)
FASTAPI_LEAVES = (
    "raise HTTPException(400)",
    "raise HTTPException(status_code=422)",
    "return Response(status_code=400)",
)

SURROUNDINGS = (
    Surrounding(
        "flask",
        "web",
        "@app.route('/$k', methods=['GET', 'POST'])\ndef $f():",
        FLASK,
        "return '$word'",
        FLASK_LEAVES,
        "flask",
    ),
    Surrounding(
        "flask-blueprint",
        "web",
        "@$a.get('/$k/$l')\n@login_required\ndef $f():",
        FLASK,
        "return jsonify($m='$word')",
        FLASK_LEAVES,
        "flask",
    ),
    Surrounding(
        "flask-factory",
        "web",
        "def $g(app):\n    @app.route('/$k')\n    def $f():",
        FLASK,
        "return '', 204",
        FLASK_LEAVES,
        "flask",
        depth=2,
    ),
    Surrounding(
        "flask-class",
        "web",
        "class $K(MethodView):\n    def post(self):",
        FLASK,
        "return {'$k': '$word'}",
        FLASK_LEAVES,
        "flask",
        depth=2,
    ),
    Surrounding(
        "flask-part-of-path",
        "web",
        "@app.route('/$k/<$arg>')\ndef $f($arg):",
        ("$arg", *FLASK),
        "return '$word'",
        FLASK_LEAVES,
        "flask",
    ),
    Surrounding("django", "web", "def $f($request):", DJANGO, "return HttpResponse('$word')", DJANGO_LEAVES, "django"),
    Surrounding(
        "django-decorated",
        "web",
        "@require_http_methods(['GET', 'POST'])\ndef $f($request):",
        DJANGO,
        "return render($request, '$k.html')",
        DJANGO_LEAVES,
        "django",
    ),
    Surrounding(
        "django-class",
        "web",
        "class $K(LoginRequiredMixin, View):\n    def get(self, $request):",
        DJANGO,
        "return JsonResponse({'$k': '$word'})",
        DJANGO_LEAVES,
        "django",
        depth=2,
    ),
    Surrounding(
        "fastapi",
        "web",
        "@router.get('/$k')\nasync def $f($arg: str, $request: Request):",
        FASTAPI,
        "return {'$k': '$word'}",
        FASTAPI_LEAVES,
        "fastapi",
    ),
    Surrounding(
        "fastapi-body",
        "web",
        "@app.post('/$k/{$arg}')\nasync def $f($request: Request, $arg: str = ''):",
        FASTAPI,
        "return Response(status_code=204)",
        FASTAPI_LEAVES,
        "fastapi",
    ),
    Surrounding(
        "aiohttp",
        "web",
        "@routes.post('/$k')\nasync def $f($request):",
        AIOHTTP,
        "return web.json_response({'$k': '$word'})",
        ("raise web.HTTPBadRequest()", "raise web.HTTPForbidden()", "return web.Response(status=400)"),
        "aiohttp",
    ),
    Surrounding(
        "tornado",
        "web",
        "class $K(RequestHandler):\n    async def get(self):",
        TORNADO,
        "self.finish('$word')",
        ("raise HTTPError(400)", "return self.send_error(403)"),
        "tornado",
        depth=2,
    ),
    Surrounding(
        "request-handler",
        "network",
        "class $K(BaseHTTPRequestHandler):\n    def do_GET(self):",
        HANDLER,
        "self.wfile.write(b'$word')",
        ("return self.send_error(400)", *RAISES),
        depth=2,
    ),
    Surrounding("socket", "network", "def $f($arg):", SOCKET, "$arg.sendall(b'$word')", RAISES),
    Surrounding(
        "connection-thread",
        "network",
        "class $K(threading.Thread):\n    def handle(self, $arg):",
        SOCKET,
        "$arg.close()",
        RAISES,
        depth=2,
    ),
    Surrounding(
        "script",
        "script",
        "def main():",
        SCRIPT,
        "print('$word')",
        ("sys.exit(1)", "raise SystemExit('$word')", *RAISES),
    ),
    Surrounding(
        "script-returns", "script", "def $f():", (*SCRIPT, *STORED), "return 0", ("return 1", "raise SystemExit(2)")
    ),
    Surrounding(
        "command",
        "script",
        "@click.command()\n@click.argument('$arg')\ndef $f($arg):",
        ("$arg", "$arg", *SCRIPT),
        "click.echo('$word')",
        ("raise click.Abort()", "sys.exit(1)", "raise click.ClickException('$word')"),
    ),
    Surrounding("job", "service", "@shared_task\ndef $f($arg):", (*MESSAGE, *OBJECT), "return '$word'", RAISES),
    Surrounding(
        "consumer",
        "service",
        "def $f(channel, method, properties, $arg):",
        ("$arg.decode()", "json.loads($arg)['$k']", "properties.headers['$k']", "method.routing_key"),
        "channel.basic_ack(method.delivery_tag)",
        RAISES,
    ),
    Surrounding(
        "event",
        "service",
        "def lambda_handler($arg, context):",
        (
            "$arg['$k']",
            "$arg['queryStringParameters']['$k']",
            "$arg['Records'][0]['body']",
            "json.loads($arg['body'])['$k']",
            "$arg['headers']['$k']",
        ),
        "return {'statusCode': 200}",
        RAISES,
    ),
    Surrounding("stored", "file", "def $f():", STORED, "return True", RAISES),
    Surrounding("function", "service", "def $f($arg):", OBJECT, "return True", RAISES),
    Surrounding("function-of-two", "service", "def $f($arg, $a=None):", OBJECT, "return $a", RAISES),
    Surrounding("async-function", "service", "async def $f($arg):", OBJECT, "return '$word'", RAISES),
    Surrounding("method", "service", "class $K:\n    def $f(self, $arg):", OBJECT, "return self", RAISES, depth=2),
    Surrounding("method-alone", "service", "def $f(self, $arg):", OBJECT, "self.$k = '$word'", RAISES),
    Surrounding(
        "static-method",
        "service",
        "class $K(Base):\n    @staticmethod\n    def $f($arg):",
        OBJECT,
        "return '$k'",
        RAISES,
        depth=2,
    ),
)
