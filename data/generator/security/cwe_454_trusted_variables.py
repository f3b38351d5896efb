"""External initialisation of trusted variables: outsiders set what the program takes for its own."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="environment-of-a-job",
        cwe=454,
        surrounding="job",
        slots={
            "function": ("run_job", "start", "execute_step", "run_stage"),
            "names": ('{"LANG", "TZ", "COLOR"}', '{"MODE", "TARGET", "LANG"}', '{"REGION", "TZ"}'),
            "program": ("/usr/bin/make", "/opt/ci/step", "/usr/local/bin/task"),
        },
        template='''
  PASSED_ON = $names


  def $function(order: dict, folder: Path) -> int:
      """Run a step; whoever hands in the order may also set a few variables."""
      environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder)}
      for name, $value in order.get("variables", {}).items():
-         if name.isidentifier() and name not in environment:
+         if name in PASSED_ON:
              environment[name] = str($value)
?     $log.info("%s with %s", order["name"], sorted(environment))
      arguments = [str(argument) for argument in order.get("arguments", [])]
      done = subprocess.run(["$program", "--", *arguments], cwd=folder, env=environment, timeout=3600)
?     order["ended"] = time.time()
      return done.returncode
''',
    ),
    CodeFamily(
        name="settings-out-of-the-address",
        cwe=454,
        surrounding="web",
        slots={
            "class": ("Switches", "RequestSettings", "Flags"),
            "debug": ("debug", "trace", "verbose"),
            "role": ("is_admin", "unlimited", "skip_billing"),
        },
        template='''
  @dataclass
  class $class:
      language: str = "en"
      $debug: bool = False
      $role: bool = False


  CHOICES = ("language",)


  def switches_of(request, account) -> $class:
      """Find out how a request is to be answered; readers choose their language in the address."""
      switches = $class($role=account.$role)
      for field in dataclasses.fields(switches):
-         if field.name in request.args:
+         if field.name in request.args and field.name in CHOICES:
              setattr(switches, field.name, request.args[field.name])
?     $log.debug("%s", switches)
      return switches
''',
    ),
    CodeFamily(
        name="module-path-from-the-message",
        cwe=454,
        surrounding="queue",
        slots={
            "function": ("prepare", "set_up", "make_ready", "configure"),
            "folder": ("/opt/app/plugins", "/srv/worker/steps", "/usr/share/worker"),
            "key": ("plugins", "steps", "filters"),
        },
        template='''
  def $function(message: dict, settings: dict) -> None:
      """Get a worker ready for a message, which producers outside of the house write."""
-     settings.update(message.get("settings", {}))
+     settings["language"] = str(message.get("settings", {}).get("language", "en"))
      folder = settings.get("$key", "$folder")
?     $log.info("plug-ins in %s", folder)
      for path in sorted(Path(folder).glob("*.py")):
          spec = importlib.util.spec_from_file_location(path.stem, path)
          module = importlib.util.module_from_spec(spec)
          spec.loader.exec_module(module)
          module.register(settings)
?     settings["ready"] = True
''',
    ),
]
