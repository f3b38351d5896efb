"""Integer overflow: a number outgrows the bits that it is counted in."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="total-of-an-order-in-thirty-two-bits",
        cwe=190,
        surrounding="science",
        slots={
            "function": ("order_total", "price_of", "sum_up"),
            "kind": ("int32", "uint32"),
            "column": ("quantity", "pieces", "count"),
        },
        template='''
  def $function(order: pd.DataFrame, prices: pd.Series) -> int:
      """Sum up an order in cents; customers choose how many pieces they want."""
      if (order["$column"] <= 0).any():
          raise ValueError("at least one piece")
-     pieces = order["$column"].to_numpy().astype("$kind")
-     cents = prices.loc[order["article"]].to_numpy().astype("$kind")
-     total = np.multiply(pieces, cents, dtype="$kind").sum(dtype="$kind")
+     pieces = [int(number) for number in order["$column"]]
+     cents = [int(number) for number in prices.loc[order["article"]]]
+     total = sum(number * price for number, price in zip(pieces, cents, strict=True))
?     $log.info("%d lines, %d cents", len(order), total)
      if total < 0:
          raise OverflowError("too large")
?     METRICS.orders.inc()
      return int(total)
''',
    ),
    CodeFamily(
        name="length-field-of-sixteen-bits",
        cwe=190,
        surrounding="network",
        slots={
            "function": ("frame", "packet", "encode_record"),
            "code": ("7", "12", "33"),
            "noun": ("name", "title", "note"),
        },
        template='''
  def $function(account: int, $noun: bytes, admin: bool) -> bytes:
      """Pack a record for the inner store; the $noun is what the visitor typed."""
-     head = struct.pack(">BIH", $code, account & 0xFFFFFFFF, len($noun) & 0xFFFF)
+     if len($noun) > 0xFFFF:
+         raise ValueError("the $noun is too long")
+     head = struct.pack(">BIH", $code, account, len($noun))
?     $log.debug("record of %d", account)
      tail = struct.pack(">B", int(admin))
?     # The store reads record after record.
      return head + $noun + tail
''',
    ),
    CodeFamily(
        name="pixels-counted-in-c",
        cwe=190,
        surrounding="subprocess",
        slots={
            "function": ("decode_raw", "read_raw", "load_plane"),
            "library": ("libraw.so.20", "libplane.so.1", "libfax.so.3"),
            "call": ("decode", "fill", "expand"),
        },
        template='''
  LIBRARY = ctypes.CDLL("$library")


  def $function(body: bytes) -> bytes:
      """Decode a picture of a fax; the head says how wide and how high it is."""
      width, height = struct.unpack_from("<II", body)
-     size = ctypes.c_uint32(width * height * 3).value
+     size = width * height * 3
      if size > 50_000_000 or not size:
          raise ValueError("too large")
?     $log.debug("%d x %d", width, height)
      buffer = ctypes.create_string_buffer(size)
      if LIBRARY.$call(body[8:], len(body) - 8, buffer, width, height):
          raise ValueError("damaged")
      return buffer.raw
''',
    ),
]
