"""LDAP injection: a filter or a distinguished name is text that a caller may extend."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="flask-phone-book-escaped-beside",
        cwe=90,
        surrounding="web",
        slots={
            "route": ("phonebook", "colleagues", "contacts", "people"),
            "function": ("find_person", "phone_of", "look_up", "card"),
            "field": ("login", "account", "who", "user"),
            "attribute": ("uid", "sAMAccountName", "mail", "cn"),
        },
        template='''
  @app.get("/$route")
  @login_required
  def $function():
      """Show the telephone number of one colleague."""
      $value = request.args.get("$field", "")
      escaped = escape_filter_chars($value)
-     query = f"(&(objectClass=person)($attribute={$value}))"
+     query = f"(&(objectClass=person)($attribute={escaped}))"
?     $log.info("directory asked for %s", escaped)
      with Connection(SERVER, user=READER_DN, password=READER_PASSWORD) as directory:
          directory.search(BASE_DN, query, attributes=["displayName", "telephoneNumber"])
          people = [json.loads(person.entry_to_json()) for person in directory.entries]
?     # An empty list is a page of its own in the template.
      return render_template("$route.html", people=people, asked=escaped)
''',
    ),
    CodeFamily(
        name="filter-format-with-free-attribute",
        cwe=90,
        surrounding="service",
        slots={
            "store": ("PersonDirectory", "StaffIndex", "MemberSearch", "PrinterIndex", "RoomDirectory"),
            "method": ("search", "find", "matching", "entries_with"),
            "kind": ("inetOrgPerson", "person", "device", "organizationalPerson"),
            "fields": (
                '{"name": "cn", "mail": "mail"}',
                '{"phone": "telephoneNumber", "room": "roomNumber"}',
                '{"place": "l", "name": "cn", "unit": "ou"}',
                '{"number": "employeeNumber", "name": "displayName"}',
            ),
        },
        template='''
  class $store:
      """Searches the directory by one of the fields that the form offers."""

      FIELDS = $fields

      def __init__(self, connection, base):
          self.connection = connection
          self.base = base

      def $method(self, field, wanted):
-         attribute = self.FIELDS.get(field, field)
+         attribute = self.FIELDS.get(field, "cn")
?         $log.debug("searching by %s", attribute)
          query = filter_format(f"(&(objectClass=$kind)({attribute}=%s))", [wanted])
          rows = self.connection.search_s(self.base, ldap.SCOPE_SUBTREE, query)
?         # Referrals come without a distinguished name.
          return [attributes for dn, attributes in rows if dn]
''',
    ),
    CodeFamily(
        name="distinguished-name-wrong-escape",
        cwe=90,
        surrounding="service",
        slots={
            "function": ("set_contact", "update_entry", "change_detail", "write_attribute", "replace_contact"),
            "unit": ("people", "customers", "students", "members"),
            "attribute": ("mobile", "mail", "postalAddress", "roomNumber", "description"),
            "name": ("login", "uid", "account", "handle"),
        },
        template='''
  BASE = "ou=$unit,dc=example,dc=org"


  def $function(connection, $name, $value):
      """Change an entry right below ou=$unit; the units under it belong to other teams."""
      if not $value or len($value) > 200:
          raise ValueError("nothing to write, or too much of it")
-     rdn = "uid=" + ldap.filter.escape_filter_chars($name)
+     rdn = "uid=" + ldap.dn.escape_dn_chars($name)
?     $log.info("$attribute of %s changes", rdn)
      change = [(ldap.MOD_REPLACE, "$attribute", [$value.encode()])]
      connection.modify_s(f"{rdn},{BASE}", change)
?     METRICS.incr("directory.$attribute")
''',
    ),
    CodeFamily(
        name="fastapi-number-as-text",
        cwe=90,
        surrounding="web",
        slots={
            "route": ("staff", "badges", "desks", "guests"),
            "function": ("show_one", "read_entry", "by_number", "get_card"),
            "param": ("number", "badge", "ident", "code"),
            "attribute": ("employeeNumber", "uidNumber", "departmentNumber", "gidNumber"),
        },
        template='''
  @router.get("/$route/{$param}")
- async def $function($param: str, client: LDAPClient = Depends(directory_client)):
+ async def $function($param: int, client: LDAPClient = Depends(directory_client)):
      """Return the public attributes of one entry."""
      query = f"(&(objectClass=person)($attribute={$param}))"
?     $log.debug("filter %s", query)
      async with client.connect(is_async=True) as connection:
          $result = await connection.search(BASE, LDAPSearchScope.SUB, query, ["cn", "title", "mail"])
      if not $result:
          raise HTTPException(404, "nobody has this number")
?     # The number is unique in the whole tree.
      return {key: $result[0][key] for key in ("cn", "title", "mail") if key in $result[0]}
''',
    ),
    CodeFamily(
        name="ldapsearch-half-checked-address",
        cwe=90,
        surrounding="subprocess",
        slots={
            "function": ("entries_of", "resolve_addresses", "export_entries", "mailboxes"),
            "base": ("dc=example,dc=org", "ou=staff,dc=corp,dc=net", "o=university", "ou=people,o=club"),
            "attribute": ("cn", "memberOf", "telephoneNumber", "displayName", "title"),
            "address": ("address", "mail", "recipient", "sender"),
        },
        template=r'''
  ADDRESS = re.compile(r"[\w.+-]+@[\w.-]+")


  def $function(addresses, server):
      """Yield each mail address of the list with what the directory tells about it."""
      for $address in addresses:
-         if not ADDRESS.match($address):
+         if not ADDRESS.fullmatch($address):
?             $log.warning("skipping %r", $address)
              continue
          command = ["ldapsearch", "-LLL", "-x", "-H", server, "-b", "$base"]
          command += [f"(mail={$address})", "$attribute"]
?         # The tool answers with an empty text when nobody is found.
          done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
          yield $address, done.stdout
''',
    ),
    CodeFamily(
        name="group-search-of-a-sync-job",
        cwe=90,
        surrounding="job",
        slots={
            "function": ("members_of", "people_in", "sync_group"),
            "attribute": ("memberOf", "groupName", "unit"),
            "base": ("dc=example,dc=org", "ou=people,dc=example,dc=com"),
        },
        template='''
  @shared_task
  def $function(group: str) -> list[str]:
      """List who is in a group and active; leaders name their groups in the portal."""
      quoted = escape_filter_chars(group)
      connection = directory()
-     search = f"(&(objectClass=person)(active=TRUE)($attribute={group}))"
+     search = f"(&(objectClass=person)(active=TRUE)($attribute={quoted}))"
?     $log.debug("looking for %s", quoted)
      connection.search("$base", search, attributes=["uid"], size_limit=500)
?     METRICS.searches.inc()
      return [entry.uid.value for entry in connection.entries]
''',
    ),
]
