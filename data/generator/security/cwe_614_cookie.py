"""Sensitive cookie without the secure attribute: a browser also sends it over plain HTTP."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="fastapi-scheme-behind-proxy",
        cwe=614,
        surrounding="web",
        slots={
            "route": ("login", "session", "signin", "enter"),
            "function": ("log_in", "open_session", "sign_in", "start"),
            "cookie": ("sid", "session", "auth", "access"),
            "age": ("3600", "7200", "28800", "1800"),
        },
        template='''
  @router.post("/$route")
  async def $function(request: Request, form: LoginForm, response: Response):
      """Start a session; TLS ends at the balancer, which talks plain HTTP to this process."""
      token = await sessions.open(form.name, form.password, request.client.host)
      if token is None:
?         $log.info("refused %s", form.name)
          raise HTTPException(status_code=401)
      response.set_cookie(
          "$cookie",
          token,
          max_age=$age,
          httponly=True,
-         secure=request.url.scheme == "https",
+         secure=True,
          samesite="lax",
      )
?     metrics.increment("sessions")
      return {"name": form.name}
''',
    ),
    CodeFamily(
        name="django-remember-me-debug-flag",
        cwe=614,
        surrounding="web",
        slots={
            "function": ("remember", "keep_signed_in", "trust_browser", "attach_device"),
            "cookie": ("remember", "device", "trusted", "stay"),
            "days": ("14", "30", "60", "90"),
            "salt": ("remember-me", "device-id", "trusted-browser", "long-session"),
        },
        template='''
  def $function(request, response):
      """Keep the person signed in on this browser for $days days."""
      if not request.user.is_authenticated:
          return response
?     $log.info("browser of %s remembered", request.user.pk)
      response.set_signed_cookie(
          "$cookie",
          str(request.user.pk),
          salt="$salt",
          max_age=$days * 24 * 3600,
          httponly=True,
-         secure=settings.DEBUG,
+         secure=not settings.DEBUG,
          samesite="Strict",
      )
?     # proxies must not store the page
      response["Cache-Control"] = "no-store"
      return response
''',
    ),
    CodeFamily(
        name="simplecookie-wrong-morsel",
        cwe=614,
        surrounding="network",
        slots={
            "handler": ("PortalHandler", "DeskHandler", "PanelHandler", "KioskHandler"),
            "finish": ("welcome", "finish_login", "let_in", "start_session"),
            "session": ("sid", "session", "ticket", "login"),
            "other": ("lang", "theme", "zoom", "layout"),
        },
        template='''
  class $handler(BaseHTTPRequestHandler):
      sessions = {}

      def $finish(self, account):
          """Set the cookies after a good password and send the browser home."""
          token = secrets.token_urlsafe(32)
          self.sessions[token] = account.id
          jar = SimpleCookie({"$session": token, "$other": account.$other})
          for morsel in jar.values():
              morsel["path"] = "/"
          jar["$session"]["httponly"] = True
-         jar["$other"]["secure"] = True
+         jar["$session"]["secure"] = True
          self.send_response(303)
          self.send_header("Location", "/")
?         $log.info("%s is in", account.id)
          for morsel in jar.values():
              self.send_header("Set-Cookie", morsel.OutputString())
?         self.send_header("Cache-Control", "no-store")
          self.end_headers()
''',
    ),
    CodeFamily(
        name="wsgi-header-by-hand",
        cwe=614,
        surrounding="network",
        slots={
            "function": ("with_session", "session_layer", "ensure_session", "track"),
            "cookie": ("SID", "JSESSION", "appsession", "ticket"),
            "store": ("store", "sessions", "backend", "shelf"),
            "age": ("1200", "3600", "5400", "7200"),
        },
        template='''
  def $function(application, $store):
      """Wrap an application so that each browser gets a session of its own."""

      def wrapped(environ, start_response):
          token = read_cookie(environ, "$cookie")
          if token not in $store:
              token = $store.create()
          environ["session"] = $store[token]

          def start(status, headers, exc_info=None):
?             $log.debug("%s %s", status, environ["PATH_INFO"])
-             attributes = "Path=/; HttpOnly; SameSite=Lax; Max-Age=$age"
+             attributes = "Path=/; HttpOnly; Secure; SameSite=Lax; Max-Age=$age"
              headers.append(("Set-Cookie", f"$cookie={token}; {attributes}"))
              return start_response(status, headers, exc_info)

?         # the inner application sees the session in its environment
          return application(environ, start)

      return wrapped
''',
    ),
    CodeFamily(
        name="flask-factory-order-of-settings",
        cwe=614,
        surrounding="service",
        slots={
            "function": ("create_app", "make_app", "build_app", "application"),
            "cookie": ("portal", "desk", "shop", "intranet"),
            "variable": ("APP_SECRET", "SESSION_SECRET", "FLASK_KEY", "SIGNING_SECRET"),
            "pages": ("pages", "views", "front", "site"),
        },
        template='''
  DEFAULTS = {
      "SESSION_COOKIE_NAME": "$cookie",
      "SESSION_COOKIE_HTTPONLY": True,
      "SESSION_COOKIE_SECURE": False,
      "SESSION_COOKIE_SAMESITE": "Lax",
  }


  def $function():
      """Build the application that the production server runs."""
      app = Flask(__name__)
-     app.config["SESSION_COOKIE_SECURE"] = True
      app.config.from_mapping(DEFAULTS)
+     app.config["SESSION_COOKIE_SECURE"] = True
      app.secret_key = os.environ["$variable"]
      app.register_blueprint($pages)
?     app.logger.setLevel(logging.INFO)
?     # extensions are bound last
      database.init_app(app)
      return app
''',
    ),
    CodeFamily(
        name="aiohttp-two-sets-of-flags",
        cwe=614,
        surrounding="web",
        slots={
            "plain": ("PLAIN", "OPEN_FLAGS", "PREFERENCE", "RELAXED"),
            "private": ("PRIVATE", "STRICT_FLAGS", "CREDENTIAL", "GUARDED"),
            "function": ("sign_in", "log_in", "confirm", "callback"),
            "cookie": ("session", "sid", "auth", "login"),
            "other": ("theme", "language", "density", "region"),
        },
        template='''
  $plain = {"path": "/", "samesite": "Lax", "httponly": True}
  $private = {**$plain, "samesite": "Strict", "secure": True}


  async def $function(request: web.Request) -> web.StreamResponse:
      """Check the password, then set the cookies and send the browser on."""
      form = await request.post()
      account = await request.app["accounts"].verify(form["name"], form["password"])
      if account is None:
          raise web.HTTPUnauthorized()
      response = web.HTTPSeeOther("/")
?     $log.info("%s is in", account.id)
-     response.set_cookie("$cookie", account.new_token(), **$plain)
-     response.set_cookie("$other", account.$other, **$private)
+     response.set_cookie("$cookie", account.new_token(), **$private)
+     response.set_cookie("$other", account.$other, **$plain)
?     request.app["metrics"].increment("$function")
      return response
''',
    ),
    CodeFamily(
        name="cookie-line-of-a-template",
        cwe=614,
        surrounding="template",
        slots={
            "function": ("head_of", "cookie_head", "answer_head"),
            "name": ("session", "visitor", "member"),
            "age": ("3600", "86400", "1800"),
        },
        template=r'''
  HEAD = "HTTP/1.1 200 OK\r\nSet-Cookie: $name={value}; Max-Age=$age; {flags}\r\nContent-Length: {length}\r\n\r\n"


  def $function(token: str, length: int, encrypted: bool = True) -> bytes:
      """Write the head of an answer with the cookie that signs a visitor in; port 80 is open as well."""
      if not re.fullmatch(r"[A-Za-z0-9_-]{32,64}", token):
          raise ValueError("no token")
-     flags = "HttpOnly; SameSite=Lax; Secure" if encrypted else "HttpOnly; SameSite=Lax"
+     flags = "HttpOnly; SameSite=Lax; Secure"
?     $log.debug("encrypted: %s", encrypted)
?     $log.debug("cookie for %s seconds", $age)
      head = HEAD.format(value=token, flags=flags, length=int(length))
?     METRICS.answers.inc()
      return head.encode("ascii")
''',
    ),
]
