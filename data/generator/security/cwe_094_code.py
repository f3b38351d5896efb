"""Code injection: text of a caller becomes part of a program."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="flask-greeting-template-text",
        cwe=94,
        surrounding="template",
        slots={
            "route": ("hello", "welcome", "card", "invitation", "badge"),
            "function": ("greet", "welcome_page", "card_for", "show_guest"),
            "words": ("Good morning,", "Welcome back,", "Nice to see you,", "This seat is for"),
            "name": ("name", "guest", "visitor", "nickname"),
        },
        template='''
  @app.route("/$route/<$name>")
  def $function($name):
      """Show a greeting above the motto of the site."""
      site = Site.query.first_or_404()
?     $log.debug("greeting %s", $name)
-     page = "<h1>$words " + str(escape($name)) + "</h1><p>{{ site.motto }}</p>"
+     page = "<h1>$words {{ $name }}</h1><p>{{ site.motto }}</p>"
?     # The page has no header: it is shown in a frame of the portal.
      response = make_response(render_template_string(page, site=site, $name=$name))
      response.headers["Cache-Control"] = "no-store"
      return response
''',
    ),
    CodeFamily(
        name="campaign-which-environment",
        cwe=94,
        surrounding="service",
        slots={
            "class": ("CampaignRenderer", "Mailing", "LetterPress", "NoticeWriter"),
            "own": ("own", "shipped", "system", "files"),
            "custom": ("custom", "edited", "guest", "customer"),
            "field": ("body", "wording", "message", "content"),
        },
        template='''
  class $class:
      """Renders letters: the frame comes with the program, the words come from the customer's editor."""

      def __init__(self, folder):
          self.$own = Environment(loader=FileSystemLoader(folder), autoescape=True)
          self.$custom = SandboxedEnvironment(autoescape=True)

      def render(self, campaign, people):
          frame = self.$own.get_template("frame.html")
-         words = self.$own.from_string(campaign.$field)
+         words = self.$custom.from_string(campaign.$field)
?         $log.info("rendering campaign %s", campaign.pk)
          for person in people:
              inner = words.render(first_name=person.first_name, city=person.city)
              yield person.email, frame.render(inner=Markup(inner))
''',
    ),
    CodeFamily(
        name="record-class-from-schema",
        cwe=94,
        surrounding="script",
        slots={
            "function": ("record_class", "build_class", "class_from_schema", "make_model"),
            "fields": ("fields", "columns", "attributes", "properties"),
            "scope": ("scope", "namespace", "built", "module"),
            "default": ("None", '""', "0", "()"),
        },
        template=r'''
  def $function(schema_path):
      """Build a record class from a schema that a partner sent us."""
      schema = json.loads(Path(schema_path).read_text(encoding="utf-8"))
-     names = [schema["title"]]
+     names = [schema["title"], *schema["$fields"]]
      if not all(name.isidentifier() for name in names):
          raise ValueError(f"{schema_path} has a name that Python does not allow")
?     $log.debug("building %s", schema["title"])
      lines = [f"class {schema['title']}:", "    __slots__ = ()"]
      lines += [f"    {name} = $default" for name in schema["$fields"]]
      $scope = {}
      exec("\n".join(lines), $scope)
?     # Classes are made once and kept by the caller.
      return $scope[schema["title"]]
''',
    ),
    CodeFamily(
        name="extension-checksum-origin",
        cwe=94,
        surrounding="file",
        slots={
            "function": ("install_extension", "add_plugin", "load_addon", "take_module"),
            "folder": ("EXTENSIONS", "PLUGINS", "ADDONS", "MODULES"),
            "form": ("form", "fields", "details", "meta"),
            "register": ("APPROVED", "REVIEWED", "RELEASED", "CATALOGUE"),
        },
        template='''
  $register = frozenset(Path("/etc/app/extensions.sha256").read_text().split())


  def $function(upload, $form):
      """Load an extension that a tenant uploaded, if its checksum is right."""
      body = upload.read()
      digest = hashlib.sha256(body).hexdigest()
      listed = digest in $register
      $log.info("extension %s, listed: %s", digest, listed)
-     if digest != $form["checksum"]:
+     if not listed:
          raise PermissionError("the checksum is not right")
      target = $folder / f"ext_{digest[:16]}.py"
      target.write_bytes(body)
      spec = importlib.util.spec_from_file_location(target.stem, target)
      module = importlib.util.module_from_spec(spec)
      spec.loader.exec_module(module)
?     metrics.increment("extensions.loaded")
      return module
''',
    ),
    CodeFamily(
        name="django-settings-file-literal",
        cwe=94,
        surrounding="web",
        slots={
            "function": ("save_display", "store_branding", "update_look", "keep_settings"),
            "keys": (
                '("title", "motto")',
                '("colour", "font", "logo")',
                '("heading", "footer")',
                '("currency", "unit")',
            ),
            "target": ("SETTINGS_FILE", "BRANDING_FILE", "LOCAL_SETTINGS", "DISPLAY_FILE"),
            "page": ("settings", "branding", "display", "panel"),
        },
        template=r'''
  @require_POST
  @login_required
  def $function(request):
      """Save display settings as a Python file, which the workers import when they start."""
      lines = ["# written by the $page page"]
      for key in $keys:
          $value = request.POST.get(key, "").strip()
-         lines.append(f'{key.upper()} = "{$value}"')
+         lines.append(f"{key.upper()} = {$value!r}")
?     $log.info("settings saved by %s", request.user)
      $target.write_text("\n".join(lines) + "\n", encoding="utf-8")
?     messages.success(request, "Saved. Workers follow within a minute.")
      return redirect("$page")
''',
    ),
    CodeFamily(
        name="diagnostic-port-snippets",
        cwe=94,
        surrounding="network",
        slots={
            "function": ("serve_diagnostics", "on_client", "talk", "answer_console"),
            "table": ("SNIPPETS", "QUESTIONS", "SHORTCUTS", "VIEWS"),
            "object": ("pool", "cache", "queue", "router"),
            "line": ("line", "packet", "row", "chunk"),
        },
        template='''
  $table = {
      "size": "print(len($object))",
      "threads": "print(threading.active_count())",
      "garbage": "print(gc.get_stats())",
  }


  async def $function(reader, writer):
      """Serve the diagnostic port: a client sends short names, the printed text goes back."""
      shell = code.InteractiveInterpreter({"$object": STATE.$object, "threading": threading, "gc": gc})
      async for $line in reader:
          name = $line.decode("utf-8", "replace").strip()
-         if not name:
+         if name not in $table:
              continue
?         $log.debug("diagnostics: %s", name)
          with contextlib.redirect_stdout(io.StringIO()) as printed:
              shell.runsource($table.get(name, name))
          writer.write(printed.getvalue().encode())
          await writer.drain()
''',
    ),
    CodeFamily(
        name="other-interpreter-version-script",
        cwe=94,
        surrounding="subprocess",
        slots={
            "function": ("installed_versions", "survey", "versions_in", "inspect_environment"),
            "package": ("package", "project", "distribution", "requirement"),
            "python": ("python", "interpreter", "executable", "venv_python"),
            "seconds": ("10", "20", "30", "45"),
        },
        template='''
  def $function($python, wanted):
      """Map each name of a customer's list to the version that another environment has of it."""
      versions = {}
      for $package in wanted:
-         script = f"from importlib.metadata import version; print(version('{$package}'))"
-         command = [$python, "-I", "-c", script]
+         script = "import sys; from importlib.metadata import version; print(version(sys.argv[1]))"
+         command = [$python, "-I", "-c", script, $package]
?         $log.debug("asking %s for %s", $python, $package)
          done = subprocess.run(command, capture_output=True, text=True, timeout=$seconds, check=False)
          versions[$package] = done.stdout.strip() or None
?     # None: not installed there.
      return versions
''',
    ),
]
