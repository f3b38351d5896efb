"""Infinite loop: input of a certain shape keeps a loop from ever ending."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="record-of-length-zero",
        cwe=835,
        surrounding="deserialisation",
        slots={
            "function": ("records", "iter_chunks", "split_blob", "walk"),
            "blob": ("blob", "buffer", "data", "packed"),
            "header": ("HEADER", "PREFIX", "LEAD", "HEAD"),
            "layout": (">HI", "<HI", ">II", "<BxI"),
        },
        template='''
  $header = struct.Struct("$layout")


  def $function($blob: bytes):
      """Yield kind and content of each record; a record's length counts its own header."""
      offset = 0
      while offset + $header.size <= len($blob):
          kind, size = $header.unpack_from($blob, offset)
-         if size < 0 or size > len($blob) - offset:
+         if not $header.size <= size <= len($blob) - offset:
?             $log.warning("bad length %d at %d", size, offset)
              raise ValueError(f"bad length at {offset}")
          if kind != 0:
              yield kind, $blob[offset + $header.size : offset + size]
?         # kind zero is padding
          offset += size
''',
    ),
    CodeFamily(
        name="parent-chain-with-ring",
        cwe=835,
        surrounding="database",
        slots={
            "function": ("breadcrumb", "path_to", "ancestors", "lineage"),
            "table": ("categories", "folders", "departments", "locations"),
            "label": ("label", "title", "name", "caption"),
            "start": ("start_id", "node_id", "leaf_id", "item_id"),
        },
        template='''
  def $function(connection, $start: int) -> list[str]:
      """Return the ${label}s from the root down to a row; users may move rows about freely."""
      trail, visited = [], set()
      current = $start
      while current is not None and current not in visited:
          row = connection.execute("SELECT $label, parent_id FROM $table WHERE id = ?", (current,)).fetchone()
          if row is None:
?             $log.info("%s has no row in $table", current)
              break
          $label, parent = row
-         visited.add($label)
+         visited.add(current)
          trail.append($label)
          current = parent
?     metrics.histogram("$table.depth", len(trail))
      return trail[::-1]
''',
    ),
    CodeFamily(
        name="socket-closed-by-peer",
        cwe=835,
        surrounding="network",
        slots={
            "function": ("read_exactly", "receive_all", "take_bytes", "fill"),
            "connection": ("connection", "sock", "peer", "link"),
            "size": ("size", "count", "wanted", "length"),
            "buffer": ("received", "buffer", "collected", "gathered"),
        },
        template='''
  def $function($connection: socket.socket, $size: int) -> bytes:
      """Return exactly so many bytes from the other end."""
      $buffer = bytearray()
      while len($buffer) < $size:
          try:
              chunk = $connection.recv($size - len($buffer))
          except InterruptedError:
              continue
-         if chunk is None:
+         if not chunk:
?             $log.warning("%d of %d bytes came", len($buffer), $size)
              raise ConnectionError("the other end has gone")
          $buffer += chunk
?     metrics.increment("bytes", $size)
      return bytes($buffer)
''',
    ),
]
