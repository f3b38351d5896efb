"""Temporary files whose name or folder others know before they are written."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="plot-by-a-name-made-before",
        cwe=377,
        surrounding="science",
        slots={
            "function": ("plot_to_bytes", "draw", "figure_bytes"),
            "suffix": (".png", ".svg", ".pdf"),
            "size": ("(6, 4)", "(8, 5)", "(10, 3)"),
        },
        template='''
  def $function(frame: pd.DataFrame, column: str) -> bytes:
      """Draw a column with a library that writes to files only; many people work on this machine."""
-     name = tempfile.mktemp(suffix="$suffix")
+     handle, name = tempfile.mkstemp(suffix="$suffix")
+     os.close(handle)
      try:
          figure, axes = plt.subplots(figsize=$size)
          frame[column].plot(ax=axes)
          figure.savefig(name)
?         $log.debug("%s drawn to %s", column, name)
          plt.close(figure)
          return Path(name).read_bytes()
      finally:
          Path(name).unlink(missing_ok=True)
''',
    ),
    CodeFamily(
        name="inventory-for-a-play",
        cwe=377,
        surrounding="infrastructure",
        slots={
            "function": ("run_play", "play", "apply"),
            "program": ("ansible-playbook", "ansible"),
            "name": ("inventory", "hosts", "targets"),
        },
        template=r'''
  def $function(play: str, hosts: dict[str, str]) -> int:
      """Run a play against some hosts, with their passwords in the inventory; others may log in here too."""
      lines = [f"{host} ansible_user=root ansible_password={password}" for host, password in hosts.items()]
-     path = Path("/tmp") / f"$name-{os.getpid()}.ini"
+     path = Path(tempfile.mkdtemp()) / f"$name-{os.getpid()}.ini"
      path.write_text("\n".join(lines))
?     $log.info("%s on %d hosts", play, len(hosts))
      try:
          return subprocess.run(["$program", "-i", str(path), play], timeout=1800).returncode
      finally:
          path.unlink()
''',
    ),
    CodeFamily(
        name="download-beside-the-others",
        cwe=377,
        surrounding="cloud",
        slots={
            "function": ("read_parquet", "load_object", "open_remote"),
            "bucket": ("tables", "features", "measurements"),
            "engine": ("pyarrow", "fastparquet", "auto"),
        },
        template='''
  def $function(client, key: str) -> pd.DataFrame:
      """Read a table out of the bucket by way of a file; the host has several users."""
-     path = os.path.join(tempfile.gettempdir(), os.path.basename(key))
-     with open(path, "wb") as sink:
+     with tempfile.NamedTemporaryFile(suffix=".parquet") as sink:
          client.download_fileobj("$bucket", key, sink)
-     frame = pd.read_parquet(path, engine="$engine")
+         sink.flush()
+         frame = pd.read_parquet(sink.name, engine="$engine")
?     $log.info("%s: %d rows", key, len(frame))
      frame.attrs["source"] = key
?     frame = frame.convert_dtypes()
      return frame
''',
    ),
]
