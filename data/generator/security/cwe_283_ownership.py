"""Unverified ownership: something is changed or shown without asking whose it is."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="file-of-another-project",
        cwe=283,
        surrounding="web",
        slots={
            "outer": ("project", "team", "course"),
            "inner": ("file", "recording", "sheet"),
            "model": ("StoredFile", "Recording", "Sheet"),
        },
        template='''
  @router.delete("/${outer}s/{${outer}_id}/${inner}s/{${inner}_id}")
  def remove_$inner(${outer}_id: int, ${inner}_id: int, user=Depends(current_user), session=Depends(get_session)):
      """Delete a $inner of a $outer that the user belongs to."""
      if not session.scalar(select(Membership).filter_by(${outer}_id=${outer}_id, user_id=user.id)):
          raise HTTPException(403)
      $inner = session.get($model, ${inner}_id)
-     if $inner is None:
+     if $inner is None or $inner.${outer}_id != ${outer}_id:
          raise HTTPException(404)
?     $log.info("%s deletes %d", user.login, ${inner}_id)
      session.delete($inner)
      session.commit()
?     METRICS.deleted.inc()
      return Response(status_code=204)
''',
    ),
    CodeFamily(
        name="address-book-entry-by-number",
        cwe=283,
        surrounding="database",
        slots={
            "view": ("edit_address", "edit_contact", "edit_card", "edit_pet"),
            "model": ("Address", "Contact", "Card", "Pet"),
            "form": ("AddressForm", "ContactForm", "EntryForm"),
        },
        template='''
  @login_required
  def $view(request, number):
      """Change an entry of the signed-in person's list."""
-     entry = get_object_or_404($model, pk=number)
-     form = $form(request.POST or None, instance=entry, initial={"owner": request.user})
+     entry = get_object_or_404($model, pk=number, owner=request.user)
+     form = $form(request.POST or None, instance=entry)
      if form.is_valid():
?         $log.info("%s changed %s", request.user.pk, number)
          form.save()
          return redirect("overview")
?     # Errors are shown beside their fields.
      return render(request, "lists/edit.html", {"form": form})
''',
    ),
    CodeFamily(
        name="owner-of-the-folder-or-of-the-file",
        cwe=283,
        surrounding="file",
        slots={
            "function": ("remove_spooled", "cancel_print", "drop_job", "delete_entry"),
            "spool": ("/var/spool/plot", "/var/spool/scan", "/srv/spool"),
            "noun": ("job", "page", "plot"),
        },
        template='''
  def $function(name: str, uid: int) -> None:
      """Delete a $noun from the spool for the local user `uid`; the daemon runs as root."""
      folder = os.open("$spool", os.O_RDONLY | os.O_DIRECTORY)
      try:
          if "/" in name:
              raise ValueError(name)
-         status = os.fstat(folder)
+         status = os.stat(name, dir_fd=folder, follow_symlinks=False)
-         if status.st_uid not in (uid, 0):
+         if status.st_uid != uid:
?             $log.info("%d asked for %s", uid, name)
              raise PermissionError(name)
          os.unlink(name, dir_fd=folder)
?         $log.info("%s is gone", name)
      finally:
          os.close(folder)
''',
    ),
    CodeFamily(
        name="local-caller-says-who-it-is",
        cwe=283,
        surrounding="network",
        slots={
            "class": ("QuotaServer", "MailboxDaemon", "JobServer"),
            "field": ("uid", "user", "account"),
            "method": ("clear", "rename", "empty"),
        },
        template=r'''
  class $class(socketserver.ThreadingUnixStreamServer):
      """Takes requests of local users, one line of JSON each, on a socket that all of them may open."""

      def finish_request(self, request, client_address):
          packed = request.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
          pid, peer, _ = struct.unpack("3i", packed)
          wanted = json.loads(request.makefile("rb").readline(4096))
?         $log.info("process %d wants %s", pid, wanted)
-         owner = int(wanted.get("$field", peer))
+         owner = peer
          self.store.$method(owner, wanted["name"])
          request.sendall(b"ok\n")
?         self.count += 1
''',
    ),
]
