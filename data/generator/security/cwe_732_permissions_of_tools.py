"""Incorrect permissions of sockets, keys, folders and secrets that tools create."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="shared-folder-for-one-group",
        cwe=732,
        surrounding="infrastructure",
        slots={
            "function": ("make_share", "team_folder", "prepare"),
            "group": ("editors", "operators", "surveyors"),
            "root": ("/srv/teams", "/data/groups", "/var/share"),
        },
        template='''
  def $function(name: str, sheets: list[Path]) -> Path:
      """Make the folder of a team, which nobody beside the group of $group may change."""
      folder = Path("$root") / slugify(name)
      folder.mkdir()
      shutil.chown(folder, group="$group")
-     os.chmod(folder, 0o777)
+     os.chmod(folder, 0o770)
?     $log.info("%s for $group", folder)
      for sheet in sheets:
          copied = Path(shutil.copy(sheet, folder))
          shutil.chown(copied, group="$group")
          os.chmod(copied, 0o660)
?     # New people are added by the directory.
      return folder
''',
    ),
    CodeFamily(
        name="secret-mounted-for-everybody",
        cwe=732,
        surrounding="cloud",
        slots={
            "function": ("secret_volume", "mount_secret", "volume_for"),
            "name": ("database", "payment", "signing"),
            "path": ("/etc/secrets", "/run/keys", "/var/secret"),
        },
        template='''
  def $function(secret: str, uid: int) -> tuple[client.V1Volume, client.V1VolumeMount]:
      """Describe how a container sees a secret; helpers in it run as other users and need none."""
      source = client.V1SecretVolumeSource(
          secret_name=secret,
-         default_mode=0o444,
+         default_mode=0o440,
          optional=False,
      )
?     $log.debug("%s for %d", secret, uid)
      volume = client.V1Volume(name="$name", secret=source)
      mount = client.V1VolumeMount(name="$name", mount_path="$path", read_only=True)
?     # The group of the pod is that of the one container.
      return volume, mount
''',
    ),
    CodeFamily(
        name="mask-set-back-too-early",
        cwe=732,
        surrounding="service",
        slots={
            "function": ("write_token", "keep_token", "save_credentials"),
            "path": ("/var/lib/agent/token", "/etc/agent/credentials", "/run/agent/key"),
            "noun": ("token", "credentials", "key"),
        },
        template='''
  def $function($noun: str, path: Path = Path("$path")) -> None:
      """Write the $noun of the agent for the service's own account."""
      path.parent.mkdir(parents=True, exist_ok=True)
      before = os.umask(0o077)
-     os.umask(before)
-     path.write_text($noun)
+     path.write_text($noun)
+     os.umask(before)
?     $log.info("%s written", path)
      if path.stat().st_size != len($noun.encode()):
          raise OSError(f"{path} is not complete")
?     # The old one was removed at the start.
      os.sync()
''',
    ),
]
