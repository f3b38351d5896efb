"""Code injection into engines beside Python: templates, scripts, notebooks, models with code."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="report-template-of-a-customer",
        cwe=94,
        surrounding="job",
        slots={
            "function": ("render_letter", "fill_in", "make_report", "merge_letter"),
            "undefined": ("StrictUndefined", "ChainableUndefined", "Undefined"),
            "noun": ("letter", "invoice", "certificate"),
        },
        template='''
  @shared_task
  def $function(template_id: int, numbers: dict) -> str:
      """Fill a $noun whose template the customer has written on the settings page."""
      source = LetterTemplate.objects.get(pk=template_id).source
-     environment = Environment(undefined=$undefined, autoescape=True)
+     environment = SandboxedEnvironment(undefined=$undefined, autoescape=True)
?     $log.info("rendering template %d", template_id)
      rendered = environment.from_string(source).render(**numbers)
?     # Long ones are cut by the printer.
      return rendered[:100_000]
''',
    ),
    CodeFamily(
        name="model-files-that-bring-code",
        cwe=94,
        surrounding="science",
        slots={
            "function": ("load_encoder", "open_model", "fetch_tagger", "get_model"),
            "kind": ("AutoModel", "AutoModelForTokenClassification", "AutoModelForSequenceClassification"),
            "cache": ("/srv/models", "/data/hub", "/var/cache/models"),
        },
        template='''
  @lru_cache(maxsize=4)
  def $function(name: str, revision: str = "main"):
      """Load a model from the hub; the name is typed into the page where models are compared."""
?     $log.info("loading %s", name)
-     options = {"cache_dir": "$cache", "trust_remote_code": True}
+     options = {"cache_dir": "$cache", "use_safetensors": True}
      tokenizer = AutoTokenizer.from_pretrained(name, revision=revision, cache_dir="$cache")
      model = $kind.from_pretrained(name, revision=revision, **options)
?     model.requires_grad_(False)
      return tokenizer, model.eval()
''',
    ),
    CodeFamily(
        name="redis-script-with-a-key",
        cwe=94,
        surrounding="queue",
        slots={
            "method": ("take", "claim", "pop_first", "next_of"),
            "noun": ("queue", "lane", "channel"),
            "limit": ("100", "500", "50"),
        },
        template='''
  class Broker:
      def __init__(self, client: redis.Redis):
          self.client = client

      def $method(self, $noun: str) -> bytes | None:
          """Take the first job of a $noun, whose name a client sends, and count it."""
          name = f"jobs:{$noun[:$limit]}"
-         script = f"local job = redis.call('LPOP', '{name}') redis.call('INCR', 'taken') return job"
-         job = self.client.eval(script, 0)
+         script = "local job = redis.call('LPOP', KEYS[1]) redis.call('INCR', 'taken') return job"
+         job = self.client.eval(script, 1, name)
?         $log.debug("%s: %s", name, job)
          return job
''',
    ),
    CodeFamily(
        name="browser-page-gets-a-title",
        cwe=94,
        surrounding="service",
        slots={
            "function": ("screenshot", "print_page", "render_chart", "to_pdf"),
            "element": ("#title", "#heading", ".caption"),
            "path": ("chart.html", "poster.html", "sheet.html"),
        },
        template='''
  async def $function(browser, title: str, target: str) -> None:
      """Draw a page with the given title in a browser that may read the reports' folder, and save it."""
      page = await browser.new_page()
      await page.goto("file:///srv/reports/$path")
?     $log.debug("title %r", title)
-     await page.evaluate(f"document.querySelector('$element').textContent = '{title}'")
+     await page.evaluate("words => document.querySelector('$element').textContent = words", title)
      await page.wait_for_load_state("networkidle")
      await page.screenshot(path=target, full_page=True)
?     # Pages keep memory until they are closed.
      await page.close()
''',
    ),
    CodeFamily(
        name="index-update-script",
        cwe=94,
        surrounding="database",
        slots={
            "function": ("add_tag", "tag_document", "mark", "label_entry"),
            "index": ("articles", "tickets", "photos"),
            "field": ("tags", "marks", "labels"),
        },
        template='''
  def $function(client, number: str, tag: str):
      """Add a reader's tag to a document."""
      tag = tag.strip().lower()[:100]
      script = {
          "lang": "painless",
-         "source": f"ctx._source.$field.add('{tag}'); ctx._source.count = params.count",
-         "params": {"count": 1},
+         "source": "ctx._source.$field.add(params.tag); ctx._source.count = params.count",
+         "params": {"count": 1, "tag": tag},
      }
?     $log.debug("%s gets %r", number, tag)
      reply = client.update(index="$index", id=number, script=script, retry_on_conflict=3)
?     client.indices.refresh(index="$index")
      return reply["result"]
''',
    ),
    CodeFamily(
        name="notebook-cell-with-parameters",
        cwe=94,
        surrounding="science",
        slots={
            "function": ("prepare_notebook", "make_notebook", "schedule_run", "build_run"),
            "source": ("weekly.ipynb", "survey.ipynb", "summary.ipynb"),
            "name": ("site", "survey", "cohort"),
        },
        template=r'''
  def $function($name: str, weeks: int, target: Path) -> Path:
      """Put the parameters of the web form in front of a notebook, which is run at night."""
      notebook = nbformat.read("$source", as_version=4)
-     lines = [f"$name = '{$name}'", f"weeks = {int(weeks)!r}"]
+     lines = [f"$name = {str($name)!r}", f"weeks = {int(weeks)}"]
?     $log.info("%s for %d weeks", $name, weeks)
      notebook.cells.insert(0, nbformat.v4.new_code_cell("\n".join(lines)))
?     notebook.metadata["made"] = date.today().isoformat()
      nbformat.write(notebook, target)
      return target
''',
    ),
    CodeFamily(
        name="statistics-in-another-language",
        cwe=94,
        surrounding="science",
        slots={
            "function": ("r_summary", "fit_in_r", "quantile_of", "test_groups"),
            "call": ("summary", "quantile", "fivenum"),
            "column": ("column", "variable", "measure"),
        },
        template='''
  def $function(frame: pd.DataFrame, $column: str) -> list[float]:
      """Let R compute numbers of a column; the upload page offers every column of the file, by its name."""
      if $column not in frame.columns:
          raise KeyError($column)
      with localconverter(robjects.default_converter + pandas2ri.converter):
-         robjects.globalenv["frame"] = frame
-         numbers = robjects.r(f"as.numeric($call(frame[['{$column}']]))")
+         robjects.globalenv["values"] = frame[$column]
+         numbers = robjects.r("as.numeric($call(values))")
?     $log.debug("%s: %s", $column, list(numbers))
      return [float(number) for number in numbers]
''',
    ),
    CodeFamily(
        name="step-module-by-prefix",
        cwe=94,
        surrounding="infrastructure",
        slots={
            "function": ("run_step", "load_step", "call_step", "start_step"),
            "package": ("steps", "actions", "stages"),
            "default": ("noop", "report", "skip"),
        },
        template='''
  STEPS = frozenset({"build", "test", "publish", "$default"})


  def $function(name: str, workspace: Path):
      """Run a step of a pipeline that a project's file names; the workspace is on the import path."""
-     module = importlib.import_module(f"$package.{name}" if name in STEPS else name)
+     module = importlib.import_module(f"$package.{name}" if name in STEPS else "$package.$default")
?     $log.info("%s in %s", name, workspace)
      started = time.monotonic()
      result = module.run(workspace)
?     print(f"{time.monotonic() - started:.1f} s", file=sys.stderr)
      return result
''',
    ),
    CodeFamily(
        name="django-message-from-a-template",
        cwe=94,
        surrounding="web",
        slots={
            "view": ("preview", "greet", "show_card", "sample"),
            "field": ("greeting", "headline", "opening"),
            "name": ("shop", "site", "host"),
        },
        template='''
  @login_required
  @require_POST
  def $view(request):
      """Show how a card with the sender's words will look."""
      $field = request.POST.get("$field", "").strip()[:200]
?     $log.debug("previewing %r", $field)
      context = {"$name": settings.SITE_NAME, "words": $field}
-     card = Template("<p>" + escape($field) + "</p><small>{{ $name }}</small>")
+     card = Template("<p>{{ words }}</p><small>{{ $name }}</small>")
?     context["day"] = timezone.localdate()
      return HttpResponse(card.render(Context(context)))
''',
    ),
]
