"""Weaknesses of secrets: where they must not be written, sent or shown."""

from data.generator.composed.weakness import SECRET, Weakness

EXPOSURES = (
    Weakness(
        312,
        "secret",
        uses=(
            "open('$k.txt', 'w').write($p)",
            "with open('$k.json', 'w') as $a:\n    json.dump({'$l': $v}, $a)",
            "cursor.execute('INSERT INTO $k VALUES (?)', ($v,))",
            "Path('/srv/$k').write_text($p)",
            "shelve.open('$k')['$l'] = $v",
            "cache.set('$k', $v)",
            "config['$k']['$l'] = $v\nconfig.write(open('$m.ini', 'w'))",
        ),
        around=(("$k=", ""), ("$word ", " $l")),
        tainted=SECRET,
    ),
    Weakness(
        200,
        "secret",
        uses=(
            "logger.info('$k %s', $v)",
            "logging.debug($p)",
            "print($p)",
            "sys.stdout.write($p)",
            "sentry_sdk.capture_message($p)",
            "statsd.set('$k', $v)",
            "logger.warning('$k: {}'.format($v))",
        ),
        web={
            "flask": ("return jsonify($k=$v)", "return {'$k': $v}"),
            "django": ("return JsonResponse({'$k': $v})",),
            "fastapi": ("return {'$k': $v}",),
            "aiohttp": ("return web.json_response({'$k': $v})",),
            "tornado": ("self.write({'$k': $v})",),
        },
        around=(("$k: ", ""), ("$word $k ", "")),
        tainted=SECRET,
    ),
    Weakness(
        319,
        "secret",
        uses=(
            "requests.post('http://example.org/$k', data={'$l': $v})",
            "$a = urlopen('http://example.org/$k?$l=' + $v)",
            "$a = httpx.post('http://example.org/$k', json={'$l': $v})",
            "ftplib.FTP('$k').login('$l', $v)",
            "telnetlib.Telnet('$k').write($v.encode())",
            "smtplib.SMTP('$k', 25).login('$l', $v)",
            "socket.create_connection(('$k', 80)).sendall($v.encode())",
        ),
        sound=(
            "requests.post('https://example.org/$k', data={'$l': $v})",
            "ftplib.FTP_TLS('$k').login('$l', $v)",
            "smtplib.SMTP_SSL('$k').login('$l', $v)",
        ),
        tainted=SECRET,
    ),
    Weakness(
        522,
        "secret",
        uses=(
            "$a = base64.b64encode($v.encode())\nPath('/srv/$k').write_bytes($a)",
            "$a = f'https://example.org/$k?$l={$v}'\nrequests.get($a)",
            "subprocess.run(['$k', '--$l', $v])",
            "os.environ['$k'] = $v\nsubprocess.run(['$l'])",
            "$a = User(name='$k', password=$v)\ndb.session.add($a)",
        ),
        sound=(
            "$a = hashlib.scrypt($v.encode(), salt=os.urandom(16), n=2 ** 14, r=8, p=1)",
            "keyring.set_password('$k', '$l', $v)",
            "subprocess.run(['$k'], input=$v.encode())",
        ),
        tainted=SECRET,
    ),
)
