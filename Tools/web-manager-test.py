#!/usr/bin/env python3
"""Uses the web manager in headless Chromium as a person would: web-manager-test.py URL FOLDER

URL is what `ringbox web` prints; FOLDER is for a disk image, screenshots and the browser's profile. A machine is made,
booted from a disk whose boot sector shows what is typed, typed into, snapshotted, changed, restored and deleted. Chromium
is driven by its debugging pipe; nothing but Python's own library is needed. Status 0 when all went as it should; else
the last line says what did not.
"""

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import time

def boot_sector():
    """Shows ECHO> and then every key that is typed."""
    code = bytearray()
    code += b"\x31\xc0\x8e\xd8"          # xor ax, ax; mov ds, ax
    code += b"\xbe\x1e\x7c"              # mov si, text
    code += b"\xac\x84\xc0\x74\x08"      # next: lodsb; test al, al; jz keys
    code += b"\xb4\x0e\x31\xdb\xcd\x10"  # mov ah, 0eh; xor bx, bx; int 10h
    code += b"\xeb\xf3"                  # jmp next
    code += b"\x31\xc0\xcd\x16"          # keys: xor ax, ax; int 16h
    code += b"\xb4\x0e\xcd\x10"          # mov ah, 0eh; int 10h
    code += b"\xeb\xf6"                  # jmp keys
    text = 0x7C00 + len(code)
    code[5:7] = text.to_bytes(2, "little")
    code += b"ECHO> \0"
    return bytes(code).ljust(510, b"\0") + b"\x55\xaa"


class Wrong(Exception):
    pass


class Browser:
    """A tab of Chromium, by the DevTools protocol over two pipes."""

    def __init__(self, folder):
        program = next((path for path in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if path), None)
        if not program:
            raise Wrong("Chromium is missing; Tools/setup.sh test installs it")
        to_browser, self.output = os.pipe()
        self.input, from_browser = os.pipe()

        def plumb():
            # Whatever numbers they have: the browser reads 3 and writes 4.
            read, write = os.dup2(to_browser, 90), os.dup2(from_browser, 91)
            os.dup2(read, 3)
            os.dup2(write, 4)
        self.errors = open(f"{folder}/chromium.log", "wb")
        self.process = subprocess.Popen(
            [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             "--remote-debugging-pipe", f"--user-data-dir={folder}/profile", "--window-size=1200,900", "about:blank"],
            preexec_fn=plumb, close_fds=False, stdout=self.errors, stderr=self.errors, stdin=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(from_browser)
        self.buffer, self.number, self.session = b"", 0, None
        self.problems = []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.send(f"{domain}.enable")

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def receive(self, deadline):
        while b"\0" not in self.buffer:
            ready, _, _ = select.select([self.input], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                raise Wrong("the browser does not answer")
            data = os.read(self.input, 1 << 20)
            if not data:
                raise Wrong("the browser has ended")
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(line)

    def send(self, method, **arguments):
        self.number += 1
        message = {"id": self.number, "method": method, "params": arguments}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.output, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + 180
        while True:
            reply = self.receive(deadline)
            if reply.get("method") == "Runtime.exceptionThrown":
                details = reply["params"]["exceptionDetails"]
                self.problems.append(details.get("exception", {}).get("description", details["text"]))
            if reply.get("method") == "Log.entryAdded" and reply["params"]["entry"]["level"] == "error":
                self.problems.append(f"{reply['params']['entry']['text']} {reply['params']['entry'].get('url', '')}")
            if reply.get("id") == self.number:
                if "error" in reply:
                    raise Wrong(f"{method}: {reply['error']['message']}")
                return reply["result"]

    def run(self, script):
        result = self.send("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in result:
            raise Wrong(f"{script}: {result['exceptionDetails'].get('exception', {}).get('description')}")
        return result["result"].get("value")

    def wait(self, what, script, seconds=120):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            value = self.run(script)
            if value:
                return value
            time.sleep(0.05)
        page = self.run("document.body.innerText")
        raise Wrong(f"waited {seconds} s in vain for {what}; the page shows:\n{page[-1500:]}")

    def click(self, selector, text=None):
        find = f"[...document.querySelectorAll({json.dumps(selector)})].find((e) => {json.dumps(text)} === null || e.textContent.includes({json.dumps(text)}))"
        self.wait(f"{selector} {text or ''}", f"(() => {{ const e = {find}; return e && !e.disabled; }})()")
        self.run(f"{find}.click()")

    def fill(self, selector, value):
        self.wait(selector, f"document.querySelector({json.dumps(selector)}) !== null")
        self.run(f"(() => {{ const e = document.querySelector({json.dumps(selector)}); e.value = {json.dumps(value)};"
                 "e.dispatchEvent(new Event('input', {bubbles: true})); e.dispatchEvent(new Event('change', {bubbles: true})); })()")

    def press(self, key, code, number):
        for kind in ("keyDown", "keyUp"):
            self.send("Input.dispatchKeyEvent", type=kind, key=key, code=code, windowsVirtualKeyCode=number)

    def type(self, text):
        for letter in text:
            self.press(letter, f"Key{letter.upper()}", ord(letter.upper()))

    def faultless(self):
        if self.problems:
            raise Wrong("the pages have mistakes:\n" + "\n".join(self.problems))

    def open_page(self, url):
        """Loads a page anew, even if only what stands behind # differs."""
        self.send("Page.navigate", url="about:blank")
        self.send("Page.navigate", url=url)

    def screenshot(self, path):
        image = self.send("Page.captureScreenshot", format="png")["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(image))


def until(seconds, check, complaint):
    """Waits until `check` is true; `complaint` is the text, or gives it, that says what was waited for in vain."""
    deadline = time.monotonic() + seconds
    while not check():
        if time.monotonic() > deadline:
            raise Wrong(complaint if isinstance(complaint, str) else complaint())
        time.sleep(0.1)


def shows(browser, machine, text, complaint, seconds=120):
    """Waits until the machine's screen has this text."""
    until(seconds, lambda: text in screen(browser, machine), lambda: f"{complaint}:\n{screen(browser, machine)}")


def state(browser, word):
    browser.wait(f"the state {word}", f"document.querySelector('h1 .state')?.textContent === {json.dumps(word)}", 120)


def api(browser, path):
    return browser.run(f"import('./api.js').then((api) => api.get({json.dumps(path)}))")


def lit(browser):
    """Pixels of the console that are not black."""
    return browser.run("(() => { const c = document.querySelector('#screen'); const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
                       "let n = 0; for (let i = 0; i < d.length; i += 4) if (d[i] + d[i + 1] + d[i + 2] > 60) n += 1; return n; })()")


def screen(browser, machine):
    return "\n".join(api(browser, f"machines/{machine}/screen")["rows"])


def story(browser, url, folder):
    disk = f"{folder}/echo.img"
    with open(disk, "wb") as file:
        file.write(boot_sector().ljust(1 << 20, b"\0"))

    # Without the token nothing is shown; with it, the list.
    browser.send("Page.navigate", url=url.split("#")[0])
    browser.wait("the login", "document.querySelector('#token') !== null")
    browser.open_page(url)
    browser.wait("the list", "document.querySelector('#machines') !== null")
    browser.wait("the events' socket", "document.querySelector('#connection').classList.contains('on')")
    if "token" in browser.run("location.href"):
        raise Wrong("the token stays in the address")

    # Create.
    browser.click("#new-machine")
    browser.fill("#new-name", "browser")
    browser.fill("#new-ostype", "Other")
    browser.fill("#new-memory", "64")
    browser.fill("#new-disk", "0")
    browser.fill("#new-network", "none")
    browser.click("#create")
    state(browser, "powered off")
    machine = browser.run("location.hash.split('/')[2]")
    browser.click(".tabs a", "Storage")
    browser.click(".card button.add-drive")
    browser.fill("#ask-kind", "hdd")
    browser.click("#ask-ok")
    browser.wait("the folder", "document.querySelector('.files li') !== null")
    browser.fill("dialog form input", disk)
    browser.click("dialog form button", "Open")
    browser.wait("the drive", f"document.querySelector('#tab').textContent.includes({json.dumps(disk)})")

    # Boot, and look.
    browser.click("#start")
    state(browser, "running")
    browser.click(".tabs a", "Console")
    browser.wait("the console", "document.querySelector('#screen')?.dataset.connected === 'true'")
    shows(browser, machine, "ECHO>", "the boot sector does not run", 180)
    before = browser.wait("the picture", "document.querySelector('#screen').width > 0") and lit(browser)

    # Type into the console; the guest shows it, and so does the canvas.
    browser.run("document.querySelector('#screen').focus()")
    browser.type("hello")
    shows(browser, machine, "ECHO> hello", "what was typed does not show")
    until(120, lambda: lit(browser) > before, "the canvas does not show what was typed")
    browser.screenshot(f"{folder}/console.png")
    clipboard_story(browser, machine)

    # The list shows its picture.
    browser.click("header a", "Machines")
    browser.wait("the thumbnail", "document.querySelector('a[data-name=browser] img')?.src.startsWith('blob:')")
    browser.screenshot(f"{folder}/list.png")
    for tab, sign in (("logs", "#log"), ("performance", "canvas.chart"), ("network", "#nic1"), ("settings", "#settings")):
        browser.run(f"location.hash = '#/m/{machine}/{tab}'")
        browser.wait(tab, f"document.querySelector({json.dumps(sign)}) !== null")
    for page in ("media", "networks", "host", "tasks"):
        browser.run(f"location.hash = '#/{page}'")
        browser.wait(page, f"document.querySelector('main h1')?.textContent.toLowerCase() === '{page}'")
    browser.run(f"location.hash = '#/m/{machine}'")
    browser.click("#poweroff")
    state(browser, "powered off")

    # A network that machines share, a card on it, and a folder.
    browser.run("location.hash = '#/networks'")
    browser.click("#natnetworks .add")
    browser.fill("#ask-name", "lab")
    browser.click("#ask-ok")
    browser.wait("the NAT network", "document.querySelector('#natnetworks tr[data-name=lab]') !== null")
    browser.run(f"location.hash = '#/m/{machine}/network'")
    browser.fill("#nic1", "natnetwork")
    browser.fill("#net1", "lab")
    browser.click("#tab form button[type=submit]")
    card = lambda: api(browser, f"machines/{machine}")["adapters"][0]
    until(30, lambda: card()["network"] == "lab", lambda: f"the card leads elsewhere: {card()}")
    browser.run(f"location.hash = '#/m/{machine}/data'")
    browser.click("#sharedfolders .add")
    browser.fill("#ask-name", "files")
    browser.fill("#ask-path", folder)
    browser.click("#ask-ok")
    browser.wait("the folder", "document.querySelector('#sharedfolders tr[data-name=files]') !== null")
    browser.click("#bandwidthgroups .add")
    browser.fill("#ask-name", "slow")
    browser.fill("#ask-limit", "125000")
    browser.click("#ask-ok")
    browser.wait("the limit", "document.querySelector('#bandwidthgroups tr[data-name=slow]') !== null")
    if api(browser, f"machines/{machine}/bandwidthgroups") != [{"name": "slow", "type": "Network", "limit": 125000}]:
        raise Wrong("the limit is another")

    # Snapshot, change, restore, delete.
    browser.click(".tabs a", "Snapshots")
    browser.click("#take-snapshot")
    browser.fill("#ask-name", "first")
    browser.click("#ask-ok")
    browser.wait("the snapshot", "document.querySelector('#snapshot-tree li[data-name=first] .now') !== null")
    browser.run(f"location.hash = '#/m/{machine}/settings'")
    browser.fill("#set-memory", "80")
    browser.click("#settings button")
    browser.wait("the notice", "document.querySelector('#notices').textContent.includes('Kept')")
    if api(browser, f"machines/{machine}")["memory"] != 80:
        raise Wrong("the memory has not changed")
    # A mistake is explained.
    browser.fill("#option-name", "memroy")
    browser.fill("#option-values", "64")
    browser.click("form button", "Set")
    browser.wait("the explanation", "document.querySelector('#notices').textContent.includes(\"did you mean 'memory'\")")
    browser.problems = [problem for problem in browser.problems if "(Bad Request)" not in problem]
    browser.run(f"location.hash = '#/m/{machine}/snapshots'")
    browser.click(".restore")
    browser.click("#ask-ok")
    until(120, lambda: api(browser, f"machines/{machine}")["memory"] == 64, "the snapshot was not restored")
    browser.click(".delete")
    browser.click("#ask-ok")
    browser.wait("an empty tree", "document.querySelector('#snapshot-tree li[data-name]') === null")

    # On a phone nothing is wider than the screen.
    browser.send("Emulation.setDeviceMetricsOverride", width=380, height=800, deviceScaleFactor=2, mobile=True)
    for place in ("#/", f"#/m/{machine}", f"#/m/{machine}/settings", f"#/m/{machine}/storage", "#/new"):
        browser.run(f"location.hash = '{place}'")
        browser.wait("the page", "document.querySelector('main').children.length > 0")
        time.sleep(0.2)
        width = browser.run("document.documentElement.scrollWidth")
        if width > 381:
            browser.screenshot(f"{folder}/wide.png")
            raise Wrong(f"{place} is {width} points wide, wider than a phone")
    browser.screenshot(f"{folder}/phone.png")
    browser.send("Emulation.clearDeviceMetricsOverride")

    # Gone, but for the disk, which is only an image over somebody's file if at all.
    browser.run(f"location.hash = '#/m/{machine}'")
    browser.click("#remove")
    browser.fill("#ask-files", "keep")
    browser.click("#ask-ok")
    browser.wait("an empty list", "document.querySelector('#machines') && !document.querySelector('a[data-name=browser]')")
    # A machine may end while its picture is being fetched.
    browser.problems = [problem for problem in browser.problems if not problem.endswith("/screenshot")]
    browser.faultless()


def clipboard_story(browser, machine):
    """Text from the browser's clipboard to the guest's keyboard, from its screen back, and between two viewers."""
    origin = browser.run("location.origin")
    browser.send("Browser.grantPermissions", origin=origin, permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
    copied = "navigator.clipboard.readText()"

    def paste(text):
        browser.run(f"navigator.clipboard.writeText({json.dumps(text)})")
        browser.run("document.querySelector('#screen').focus()")
        for kind, key, code, number, held in (
            ("rawKeyDown", "Control", "ControlLeft", 17, 2), ("rawKeyDown", "Shift", "ShiftLeft", 16, 10),
            ("rawKeyDown", "V", "KeyV", 86, 10), ("keyUp", "V", "KeyV", 86, 10), ("keyUp", "Shift", "ShiftLeft", 16, 2),
            ("keyUp", "Control", "ControlLeft", 17, 0)):
            commands = ["pasteAndMatchStyle"] if code == "KeyV" and kind == "rawKeyDown" else []
            browser.send("Input.dispatchKeyEvent", type=kind, key=key, code=code, windowsVirtualKeyCode=number,
                         modifiers=held, commands=commands)
    paste(" Pasted: {42}")
    shows(browser, machine, "hello Pasted: {42}", "what was pasted does not show")
    paste("gr\u00fc\u00df")
    browser.wait("the reason", "document.querySelector('#notices').textContent.includes(\"No key types '\u00fc', '\u00df'\")")
    if "gr" in screen(browser, machine):
        raise Wrong("a part of what cannot be typed was typed")
    try:
        browser.run("import('./typing.js').then((m) => new m.Typist('', () => {}).type('x'.repeat(m.typingLimit + 1)))")
        raise Wrong("a text that is too long is typed")
    except Wrong as error:
        if "too many to be typed" not in str(error):
            raise
    browser.click("#copy-text")
    until(30, lambda: "hello Pasted: {42}" in browser.run(copied), lambda: f"copied: {browser.run(copied)!r}")

    # What is typed while the guest does not read waits for it: far more than fits into its keyboard.
    text = "the quick brown fox jumps over the lazy dog " * 3 + "END"
    typing = f"api.call('POST', 'machines/{machine}/keyboard', {{text: {json.dumps(text)}}})"
    browser.run(f"import('./api.js').then(async (api) => {{ await api.call('POST', 'machines/{machine}/pause');"
                f"window.typed = 'no'; {typing}.then(() => {{ window.typed = 'yes'; }}, (e) => {{ window.typed = e.message; }}); }})")
    time.sleep(3)
    if browser.run("window.typed") != "no":
        raise Wrong(f"a machine that is paused has read its keyboard: {browser.run('window.typed')}")
    browser.run(f"import('./api.js').then((api) => api.call('POST', 'machines/{machine}/resume'))")
    browser.wait("the end of typing", "window.typed === 'yes'")
    squeezed = lambda: "".join(api(browser, f"machines/{machine}/screen")["rows"]).replace(" ", "")
    until(60, lambda: text.replace(" ", "") in squeezed(), lambda: f"keys are lost:\n{screen(browser, machine)}")

    # A second viewer, as another page has it: what one copies the other gets.
    browser.run("(async () => { const { RFB } = await import('./rfb.js'), { socket } = await import('./api.js');"
                f"window.other = new RFB(socket('machines/{machine}/display'), document.createElement('canvas'),"
                "(what, text) => { if (what === 'open') window.otherIsOpen = true; if (what === 'clipboard') window.otherText = text; }); })()")
    browser.wait("the second viewer", "window.otherIsOpen")
    time.sleep(0.5)
    browser.run("window.other.offer('from the other: \u2603\\nline two')")
    until(30, lambda: browser.run(copied) == "from the other: \u2603\nline two", lambda: f"copied: {browser.run(copied)!r}")
    browser.run("navigator.clipboard.writeText('from this one: \u00fc')")
    browser.click("#share-text")
    browser.wait("the text", "document.querySelector('#ask-text')?.value === 'from this one: \u00fc'")
    browser.click("#ask-ok")
    browser.wait("the text at the other", "window.otherText === 'from this one: \u00fc'", 30)
    browser.run("window.other.close()")


# What is written to a terminal of 10 columns and 4 rows, and what it shows then: rows, and the cursor if that matters.
TERMINAL = [
    ("one\\r\\ntwo", "one|two||", (3, 1)),
    ("0123456789AB", "0123456789|AB||", (2, 1)),
    ("0123456789", "0123456789|||", (9, 0)),
    ("\\x1b[?7l0123456789AB", "012345678B|||", (9, 0)),
    ("a\\r\\nb\\r\\nc\\r\\nd\\r\\ne", "b|c|d|e", (1, 3)),
    ("\\x1b[2;3Hx\\x1b[4;99Hy\\x1b[Hz", "z|  x||         y", (1, 0)),
    ("abc\\x1b[2D\\x1b[Kd", "ad|||", (2, 0)),
    ("ab\\r\\ncd\\x1b[1J", "|||", None),
    ("abc\\x1b[2J", "|||", (3, 0)),
    ("1\\r\\n2\\r\\n3\\r\\n4\\x1b[2;3r\\x1b[3;1H\\nX", "1|3|X|4", (1, 2)),
    ("1\\r\\n2\\r\\n3\\r\\n4\\x1b[2;3r\\x1b[2;1H\\x1bMX", "1|X|2|4", (1, 1)),
    ("1\\r\\n2\\r\\n3\\r\\n4\\x1b[2;1H\\x1b[L", "1||2|3", None),
    ("1\\r\\n2\\r\\n3\\r\\n4\\x1b[2;1H\\x1b[M", "1|3|4|", None),
    ("abcdef\\x1b[1;2H\\x1b[2P", "adef|||", None),
    ("abcdef\\x1b[1;2H\\x1b[2@", "a  bcdef|||", None),
    ("main\\x1b[?1049h\\x1b[Hother", "other|||", None),
    ("main\\x1b[?1049h\\x1b[Hother\\x1b[?1049l!", "main!|||", (5, 0)),
    ("\\x1b7ab\\x1b8c", "cb|||", (1, 0)),
    ("\\x1b(0lqk\\x1b(Bq", "┌─┐q|||", None),
    ("a\\tb", "a       b|||", None),
    ("\\x1b]0;title\\x07x", "x|||", None),
    ("\\x1b[31;1mred\\x1b[0m", "red|||", None),
    ("\\x1b[999999999999;;;999Cx\\x1b[0b\\x1b[9999b", None, None),
    ("gr\u00fc\u00df\u2603", "gr\u00fc\u00df\u2603|||", (5, 0)),
]


def serial_story(browser, url, machine):
    browser.send("Page.navigate", url=url)
    browser.wait("the list", "document.querySelector('#machines') !== null")
    for text, rows, cursor in TERMINAL:
        found = browser.run("import('./terminal.js').then(({ Screen }) => { const s = new Screen(10, 4);"
                            f"for (const byte of new TextEncoder().encode(\"{text}\")) s.write(new Uint8Array([byte]));"
                            "return [s.text.replaceAll('\\n', '|'), s.x, s.y, s.lines.every((l) => l.length === 10) && s.lines.length === 4]; })")
        if rows is not None and found[0] != rows or cursor and tuple(found[1:3]) != cursor or not found[3]:
            raise Wrong(f"a terminal that is told {text!r} shows {found}, not {rows!r} {cursor}")
    answers = browser.run("import('./terminal.js').then(({ Screen }) => { let said = ''; const s = new Screen(80, 24, (t) => { said += t; });"
                          "s.write(new TextEncoder().encode('\\x1b[5;7H\\x1b[6n\\x1b[5n\\x1b[c')); return said; })")
    if answers != "\x1b[5;7R\x1b[0n\x1b[?6c":
        raise Wrong(f"a terminal answers {answers!r}")

    # Log in (the guest asks nobody), type, and see what comes of it.
    text = "document.querySelector('#terminal').terminal.screen.text"
    browser.run(f"location.hash = '#/m/{machine}/serial'")
    browser.wait("the terminal", "document.querySelector('#terminal')?.dataset.connected === 'true'")
    browser.wait("the prompt", f"{text}.trimEnd().endsWith('#')", 300)
    browser.run("document.querySelector('#terminal').focus()")

    def enter(line):
        for letter in line:
            browser.press(letter, "", 0)
        browser.press("Enter", "Enter", 13)
    enter("echo a$((6*7))z; printf '\\033[31mcrimson\\033[0m\\n'")
    browser.wait("the output", f"{text}.includes('a42z') && {text}.includes('\\ncrimson')")
    browser.wait("the colour", "[...document.querySelectorAll('#terminal span')].some((e) => e.textContent === 'crimson'"
                 " && getComputedStyle(e).color === 'rgb(205, 49, 49)')")
    browser.screenshot(f"{sys.argv[2]}/serial.png")
    # Another page sees the same, from the beginning, and types into the same shell.
    browser.open_page(f"{url.split('#')[0]}#/m/{machine}/serial")
    browser.wait("the terminal again", "document.querySelector('#terminal')?.dataset.connected === 'true'")
    browser.wait("the old output", f"{text}.includes('a42z')")
    browser.run("document.querySelector('#terminal').focus()")
    enter("echo b$((3*5))y")
    browser.wait("the new output", f"{text}.includes('b15y')")
    if "not found" in browser.run(text):
        raise Wrong(f"the terminal has typed by itself:\n{browser.run(text)}")
    # A port that is not there is said to be so.
    browser.fill("#serial-port", "2")
    browser.wait("the reason", "document.querySelector('#serial-hint').textContent.includes(\"no port 'serial2'\")")
    browser.faultless()


def main():
    url, folder = sys.argv[1:3]
    browser = None
    try:
        browser = Browser(folder)
        if len(sys.argv) > 3:
            serial_story(browser, url, sys.argv[3])
        else:
            story(browser, url, folder)
    except Wrong as error:
        if browser:
            try:
                browser.screenshot(f"{folder}/wrong.png")
            except Wrong:
                pass
            error = Wrong(f"{error}\nproblems: {browser.problems}")
        print(error)
        return 1
    finally:
        if browser:
            browser.close()
    print("the web manager works")
    return 0


if __name__ == "__main__":
    sys.exit(main())
