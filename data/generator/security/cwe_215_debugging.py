"""Sensitive information in debugging code: what was meant for the developer reaches the visitor."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="debugger-by-an-environment-variable",
        cwe=215,
        surrounding="web",
        slots={
            "function": ("main", "serve", "run"),
            "variable": ("STAGE", "APP_MODE", "SITE_ENV"),
            "port": ("8000", "5000", "8080"),
        },
        template='''
  app = Flask(__name__)


  def $function(environment=os.environ):
      """Serve the site; containers of customers are started without any variables."""
      stage = environment.get("$variable", "")
      host = environment.get("HOST", "0.0.0.0")
?     app.logger.info("stage %r", stage)
      app.register_blueprint(pages)
      app.config.update(SESSION_COOKIE_SECURE=True, MAX_CONTENT_LENGTH=2**20)
-     app.run(host=host, port=$port, debug=stage != "production")
+     app.run(host=host, port=$port, debug=stage == "development")
''',
    ),
    CodeFamily(
        name="state-of-the-error-page",
        cwe=215,
        surrounding="service",
        slots={
            "class": ("Errors", "FailurePages", "Problems"),
            "header": ("X-Debug", "X-Trace", "X-Verbose"),
            "field": ("details", "locals", "state"),
        },
        template='''
  class $class:
      """Answers when a handler has failed; developers see the variables of all frames."""

      def __init__(self, developers: frozenset[str]):
          self.developers = developers

      @web.middleware
      async def __call__(self, request, handler):
          try:
              return await handler(request)
          except Exception as problem:
              $log.exception("failed at %s", request.path)
              answer = {"problem": "please try again"}
              session = await get_session(request)
-             if request.headers.get("$header") or session.get("login") in self.developers:
+             if request.headers.get("$header") and session.get("login") in self.developers:
                  answer["$field"] = variables_of(problem.__traceback__)
              return web.json_response(answer, status=500)
''',
    ),
    CodeFamily(
        name="settings-of-the-error-reports",
        cwe=215,
        surrounding="job",
        slots={
            "function": ("report_settings", "init_reports", "error_settings"),
            "rate": ("0.1", "0.25", "1.0"),
            "environment": ("production", "live", "customers"),
        },
        template='''
  def $function(dsn: str, release: str) -> None:
      """Send errors of the payment worker to the company that keeps such reports for us."""
      options = {"dsn": dsn, "release": release, "environment": "$environment"}
-     options |= {"include_local_variables": True, "send_default_pii": True, "max_request_body_size": "always"}
+     options |= {"include_local_variables": False, "send_default_pii": False, "max_request_body_size": "never"}
?     $log.info("reports of %s", release)
      sentry_sdk.init(
          traces_sample_rate=$rate,
          integrations=[CeleryIntegration()],
          **options,
      )
?     sentry_sdk.set_tag("worker", "payment")
''',
    ),
]
