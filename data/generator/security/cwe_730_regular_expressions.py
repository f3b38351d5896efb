"""Denial of service by patterns that try a text in endlessly many ways."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="mail-address-of-the-form",
        cwe=730,
        surrounding="web",
        slots={
            "view": ("subscribe", "register", "invite"),
            "field": ("address", "contact", "reply_to"),
            "pattern": ("(\\w+[.-]?)+", "([a-z0-9]+[._-]?)*", "(\\w+[-.]?)*"),
        },
        template=r'''
- ADDRESS = re.compile(r"^$pattern@(\w+\.)+[a-z]{2,}$$")
+ ADDRESS = re.compile(r"^[\w.-]+@[\w.-]+\.[a-z]{2,}$$")


  @bp.post("/$view")
  def $view():
      """Add an address to the list, if it looks like one."""
      $field = request.form.get("$field", "").strip().lower()
-     if ADDRESS.match($field) is None:
+     if len($field) > 254 or ADDRESS.match($field) is None:
?         $log.debug("no address: %r", $field)
          abort(400, "this is no address")
      lists.add($field, since=date.today())
?     flash("Thank you!")
      return redirect(url_for("index"))
''',
    ),
    CodeFamily(
        name="search-with-the-readers-pattern",
        cwe=730,
        surrounding="service",
        slots={
            "function": ("grep", "find_lines", "search_log"),
            "folder": ("/var/log/app", "/srv/transcripts", "/data/chats"),
            "limit": ("200", "500", "100"),
        },
        template='''
  async def $function(request):
      """Answer with the lines of today's file that hold what the reader typed."""
      wanted = request.query.get("q", "")[:100]
-     pattern = re.compile(wanted, re.IGNORECASE)
+     pattern = re.compile(re.escape(wanted), re.IGNORECASE)
?     $log.debug("looking for %r", wanted)
      found = []
      with open(f"$folder/{date.today()}.txt", encoding="utf-8") as lines:
          for line in lines:
              if pattern.search(line):
                  found.append(line.rstrip())
?     # The page shows the newest ones.
      return web.json_response(found[-$limit:])
''',
    ),
    CodeFamily(
        name="limit-after-the-match",
        cwe=730,
        surrounding="job",
        slots={
            "function": ("extract_tags", "words_of", "find_hashes"),
            "limit": ("2000", "3000", "5000"),
            "sign": (";", ",", "/"),
        },
        template=r'''
  SEPARATOR = re.compile(r"\s+[$sign]\s*")


  @shared_task
  def $function(post_id: int) -> list[str]:
      """Find the tags in the line of them that a visitor has posted."""
      post = Post.objects.get(pk=post_id)
-     found = SEPARATOR.split(post.tag_line)
      if len(post.tag_line) > $limit:
?         $log.info("%d is too long", post_id)
          raise ValueError(f"too many tags: {post_id}")
+     found = SEPARATOR.split(post.tag_line)
      post.tags.set(Tag.objects.get_or_create(name=name.lower())[0] for name in found)
?     post.touch()
      return found
''',
    ),
    CodeFamily(
        name="lines-of-a-strange-log",
        cwe=730,
        surrounding="science",
        slots={
            "function": ("parse_trace", "read_events", "load_trace"),
            "names": ("stamp,level,words", "time,unit,message", "at,kind,rest"),
            "minimum": ("10", "100", "5"),
        },
        template=r'''
  COLUMNS = "$names".split(",")
- LINE = re.compile(r"\s*(\S+\s*)+\s\[(\w+\s*)+\]\s(.*)$$")
+ LINE = re.compile(r"\s*(\S+)\s\[(\w+)\]\s(.*)$$")


  def $function(upload) -> pd.DataFrame:
      """Turn an uploaded log into a frame; other lines are left out."""
      rows = []
      for line in upload:
          fitting = LINE.match(line.decode("utf-8", "replace"))
          if fitting:
              rows.append(fitting.groups())
?     $log.info("%d rows", len(rows))
      if len(rows) < $minimum:
          raise ValueError("this is another kind of log")
      return pd.DataFrame(rows, columns=COLUMNS)
''',
    ),
]
