"""Weaknesses of a constant: weak where a strong one is needed, and no harm where it is not."""

from data.generator.composed.weakness import Weakness, choice

UNSET = (("False", "True"),)

CHOICES: tuple[Weakness, ...] = (
    choice(
        328,
        (("'md5'", "'sha256'"), ("'sha1'", "'sha512'"), ("'md4'", "'sha3_256'")),
        uses=(
            "$a = hashlib.new($v, password.encode()).hexdigest()",
            "$a = hashlib.new($v)\n$a.update(password.encode())",
            "$a = hmac.new(KEY, $data.encode(), $v).hexdigest()",
            "$a = hashlib.pbkdf2_hmac($v, password.encode(), salt, 600000)",
            "$a = getattr(hashlib, $v)(password.encode()).digest()",
        ),
        sound=(
            "$a = {'$k': $v}",
            "print('$word', $v)",
            "$a = hashlib.new($v, b'$k', usedforsecurity=False).hexdigest()",
            "$a = $v in hashlib.algorithms_available",
        ),
    ),
    choice(
        327,
        (("DES", "AES"), ("ARC4", "ChaCha20"), ("Blowfish", "AES"), ("DES3", "AES")),
        uses=(
            "$a = $v.new(key, $v.MODE_CFB).encrypt($data.encode())",
            "$a = $v.new(key)\n$b = $a.encrypt($data.encode())",
            "$a = seal($data.encode(), key, cipher=$v)",
            "$a = Vault(key, algorithm=$v).lock($data)",
        ),
        sound=("$a = $v.__name__", "print('$word', $v.block_size)", "$a = {'$k': $v}"),
    ),
    choice(
        330,
        (
            ("random.Random()", "secrets.SystemRandom()"),
            ("random", "secrets.SystemRandom()"),
            ("random.Random($low)", "random.SystemRandom()"),
        ),
        uses=(
            "session['token'] = $v.getrandbits(128)",
            "$a = ''.join($v.choice(LETTERS) for $b in range(20))\nuser.set_password($a)",
            "$a = $v.randrange(10 ** 6)\nsend_code(user, $a)",
            "$a = '%032x' % $v.getrandbits(128)\nuser.reset_token = $a",
            "user.api_key = ''.join($v.sample(LETTERS, 24))",
        ),
        sound=(
            "$a = $v.choice(['$word', '$word2', '$k'])",
            "time.sleep($v.uniform(0, 1))",
            "$v.shuffle(TASKS)",
            "$a = $v.random() < 0.5",
        ),
    ),
    choice(
        295,
        UNSET,
        uses=(
            "$a = requests.get('https://example.org/$k', verify=$v, timeout=$low)",
            "$a = httpx.post('https://example.org/$k', verify=$v)",
            "$a = ssl.create_default_context()\n$a.check_hostname = $v",
            "$a = aiohttp.TCPConnector(ssl=$v)",
            "$a = requests.Session()\n$a.verify = $v",
            "$a = urllib3.PoolManager(assert_hostname=$v)",
        ),
        sound=(
            "$a = requests.get('https://example.org/$k', stream=$v)",
            "$a = httpx.get('https://example.org/$k', follow_redirects=$v)",
            "$a = {'$k': $v}",
            "json.dumps({'$k': [$low]}, sort_keys=$v)",
        ),
    ),
    choice(
        614,
        UNSET,
        uses=(
            "response.set_cookie('session', $data, secure=$v)",
            "response.set_cookie('auth_token', $data, httponly=True, secure=$v)",
            "app.config['SESSION_COOKIE_SECURE'] = $v",
            "$a = SimpleCookie(session=$data)\n$a['session']['secure'] = $v",
            "settings.SESSION_COOKIE_SECURE = $v",
        ),
        sound=(
            "response.set_cookie('theme', 'dark', secure=$v)",
            "app.config['JSON_SORT_KEYS'] = $v",
            "settings.USE_TZ = $v",
            "app.config['TEMPLATES_AUTO_RELOAD'] = $v",
        ),
    ),
    choice(
        347,
        UNSET,
        uses=(
            "$a = jwt.decode($data, KEY, algorithms=['HS256'], options={'verify_signature': $v})",
            "$a = {'verify_signature': $v}\n$b = jwt.decode($data, KEY, algorithms=['RS256'], options=$a)",
            "$a = read_token($data, KEY, check_signature=$v)",
            "$a = jws.verify($data, KEY, ['HS256'], verify=$v)",
        ),
        sound=(
            "$a = json.dumps({'$k': $low}, indent=2, sort_keys=$v)",
            "$a = {'$k': $v}",
            "$a = jwt.encode({'$k': $v}, KEY, algorithm='HS256')",
        ),
    ),
    choice(
        732,
        (("0o777", "0o600"), ("0o666", "0o600"), ("0o777", "0o700"), ("0o766", "0o640")),
        uses=(
            "os.chmod('/srv/$k/private.key', $v)",
            "os.makedirs('/srv/$k/secrets', mode=$v)",
            "Path('/etc/$k/passwords').chmod($v)",
            "$a = os.open('/srv/$k/token', os.O_CREAT | os.O_WRONLY, $v)",
            "os.mkfifo('/run/$k/control', $v)",
        ),
        sound=("$a = oct($v)", "print('$word', $v)", "$a = $v & 0o400", "$a = {'$k': $v}"),
    ),
    choice(
        321,
        (
            ("b'0123456789abcdef'", "os.urandom(16)"),
            ("b'changeme-changem'", "secrets.token_bytes(16)"),
            ("bytes(16)", "os.urandom(16)"),
        ),
        uses=(
            "$a = AES.new($v, AES.MODE_GCM).encrypt($data.encode())",
            "$a = hmac.new($v, $data.encode(), 'sha256').digest()",
            "$a = AESGCM($v).encrypt(nonce, $data.encode(), None)",
            "$a = jwt.encode({'$k': $data}, $v, algorithm='HS256')",
            "$a = Fernet(base64.urlsafe_b64encode($v * 2))",
        ),
        sound=("$a = len($v)", "$a = zlib.crc32($v)", "$a = io.BytesIO($v)", "checksum.update($v)"),
    ),
    choice(
        329,
        (
            ("bytes(16)", "os.urandom(16)"),
            ("b'0' * 16", "secrets.token_bytes(16)"),
            ("b'1234567890abcdef'", "os.urandom(16)"),
        ),
        uses=(
            "$a = AES.new(key, AES.MODE_CBC, $v).encrypt($data.encode())",
            "$a = Cipher(algorithms.AES(key), modes.CBC($v)).encryptor()",
            "$a = AES.new(key, AES.MODE_CFB, iv=$v)",
            "$a = Cipher(algorithms.AES(key), modes.OFB($v))",
        ),
        sound=("$a = len($v)", "$a = zlib.crc32($v)", "$a = memoryview($v)", "checksum.update($v)"),
    ),
    choice(
        798,
        (
            ("'hunter2'", "os.environ['PASSWORD']"),
            ("'s3cret'", "keyring.get_password('$k', 'app')"),
            ("'letmein'", "getpass.getpass()"),
            ("'topsecret'", "vault.read('$k')"),
        ),
        uses=(
            "$a = psycopg2.connect(host='$k', password=$v)",
            "$a = pymysql.connect(user='$k', passwd=$v)",
            "smtplib.SMTP_SSL('$k').login('$l', $v)",
            "app.secret_key = $v",
            "$a = requests.get('https://example.org/$k', auth=('$l', $v))",
            "client.connect('$k', username='$l', password=$v)",
        ),
        sound=("$a = len($v)", "$a = $v == ''", "$a = bool($v)", "assert $v"),
    ),
    choice(
        377,
        (
            ("tempfile.mktemp()", "tempfile.mkdtemp()"),
            ("'/tmp/$k'", "tempfile.mkdtemp()"),
            ("os.path.join('/tmp', '$k')", "tempfile.mkdtemp() + '/$l'"),
        ),
        uses=(
            "$a = open($v + '.csv', 'w')",
            "Path($v, '$m').with_suffix('.csv').write_text($data)",
            "shutil.copy('$m', $v + '.old')",
            "$a = sqlite3.connect($v + '.db')",
        ),
        sound=("$a = len($v)", "$a = os.path.dirname($v)", "print('$word', $v)", "$a = $v.count('/')"),
    ),
    choice(
        250,
        (("0", "1000"), ("'root'", "'nobody'"), ("'root'", "'www-data'")),
        uses=(
            "subprocess.run(['/srv/$k/run', $data], user=$v)",
            "subprocess.Popen(['/srv/$k/run', $data], user=$v)",
            "$a = client.containers.run('$k', command=[$data], user=$v)",
            "$a = asyncio.create_subprocess_exec('/srv/$k/run', $data, user=$v)",
        ),
        sound=("print('$word', $v)", "$a = {'$k': $v}", "$a = [$v]", "$a = str($v)"),
    ),
)
