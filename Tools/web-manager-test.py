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
    lights_story(browser, machine)

    # The list shows its picture.
    browser.click("header a", "Machines")
    browser.wait("the thumbnail", "document.querySelector('a[data-name=browser] img')?.src.startsWith('blob:')")
    browser.screenshot(f"{folder}/list.png")
    for tab, sign in (("logs", "#log"), ("performance", "canvas.chart"), ("inside", "#registers pre"), ("network", "#nic1"), ("settings", "#settings")):
        browser.run(f"location.hash = '#/m/{machine}/{tab}'")
        browser.wait(tab, f"document.querySelector({json.dumps(sign)}) !== null")
    registers_story(browser, machine)
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

    browser.click("#guestproperties .add")
    answer(browser, name="/note", value="a b", TRANSIENT=True, RDONLYGUEST=True)
    properties = lambda: [(one["name"], one["value"], one["flags"]) for one in api(browser, f"machines/{machine}/guestproperties")]
    until(30, lambda: properties() == [("/note", "a b", ["TRANSIENT", "RDONLYGUEST"])], lambda: f"{properties()}")
    usb_story(browser, machine)

    # Snapshot, change, restore, delete.
    browser.run(f"location.hash = '#/m/{machine}/snapshots'")
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
    browser.fill("#option-values input", "64")
    browser.click("#option-set")
    browser.wait("the explanation", "document.querySelector('#notices').textContent.includes(\"did you mean 'memory'\")")
    browser.problems = [problem for problem in browser.problems if "(Bad Request)" not in problem]
    browser.run(f"location.hash = '#/m/{machine}/snapshots'")
    browser.click(".details")
    browser.wait("what it was", "document.querySelector('dialog dl')?.textContent.includes('64 MiB')")
    answer(browser)
    browser.click(".restore")
    browser.click("#ask-ok")
    until(120, lambda: api(browser, f"machines/{machine}")["memory"] == 64, "the snapshot was not restored")
    browser.click(".delete")
    browser.click("#ask-ok")
    browser.wait("an empty tree", "document.querySelector('#snapshot-tree li[data-name]') === null")

    everything_story(browser, machine, folder)

    # On a phone nothing is wider than the screen.
    browser.send("Emulation.setDeviceMetricsOverride", width=380, height=800, deviceScaleFactor=2, mobile=True)
    for place in ("#/", f"#/m/{machine}", f"#/m/{machine}/settings", f"#/m/{machine}/storage", "#/new", "#/media", "#/networks"):
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


def lights_story(browser, machine):
    """The firmware lights the lock that a key has set, when it is next asked for a key; the page shows it."""
    light = lambda name: f"[...document.querySelectorAll('#lights .light')].find((e) => e.textContent === '{name}').classList.contains('on')"
    browser.run("document.querySelector('#screen').focus()")
    browser.press("CapsLock", "CapsLock", 20)
    browser.type("x")
    browser.wait("the light of Caps Lock", light("Caps"))
    if not api(browser, f"machines/{machine}/keyboard")["capsLock"] or browser.run(light("Num")) != api(browser, f"machines/{machine}/keyboard")["numLock"]:
        raise Wrong(f"the lights are others: {api(browser, f'machines/{machine}/keyboard')}")
    browser.press("CapsLock", "CapsLock", 20)
    browser.type("y")
    browser.wait("no light of Caps Lock", f"!{light('Caps')}")


def choose(browser, path):
    """Answers the page's question for a file."""
    browser.wait("the folder", "document.querySelector('.files li') !== null")
    browser.fill("dialog form input", path)
    browser.click("dialog form button", "Open")


def answer(browser, **values):
    """Fills a dialogue's fields; boxes are ticked or not."""
    for name, value in values.items():
        selector = f"#ask-{name}"
        browser.wait(selector, f"document.querySelector({json.dumps(selector)}) !== null")
        if isinstance(value, bool):
            browser.run(f"document.querySelector({json.dumps(selector)}).checked = {json.dumps(value)}")
        else:
            browser.fill(selector, value)
    browser.click("#ask-ok")
    browser.wait("the dialogue's end", "document.querySelector('dialog') === null")


def registers_story(browser, machine):
    """A register that a boot sector of 16 bits does not know is set."""
    browser.run(f"location.hash = '#/m/{machine}/inside'")
    browser.fill("#registers form input", "r8=0xABC r9=0x1")
    browser.click("#registers form button", "Set")
    browser.wait("the registers", "/r8 +0xabc\\nr9 +0x1\\n/.test(document.querySelector('#registers pre').textContent)")


def usb_story(browser, machine):
    """Filters of the machine on its page, and those for all machines on the host's."""
    for place, sign, path, more in ((f"#/m/{machine}/data", "#sharedfolders", f"machines/{machine}/usbfilters", {}),
                                    ("#/host", "#property-machinefolder", "usbfilters", {"action": "hold"})):
        browser.run(f"location.hash = '{place}'")
        browser.wait("the page", f"document.querySelector({json.dumps(sign)}) !== null")
        browser.click("#usbfilters .add")
        answer(browser, name="second", vendorId="046d", remote="false")
        browser.wait("the filter", "document.querySelector('#usbfilters tr[data-name=second]') !== null")
        browser.click("#usbfilters .add")
        answer(browser, name="first", place="1", active=False, **more)
        filters = lambda: [(one["name"], one["active"], one["vendorId"], one["remote"]) for one in api(browser, path)]
        until(30, lambda: filters() == [("first", False, "", None), ("second", True, "046d", False)], lambda: f"{filters()}")
        # Rows know their places: the page must have the new one.
        browser.wait("the first filter", "document.querySelector('#usbfilters tr[data-name=first]') !== null")
        browser.click("#usbfilters tr[data-name=second] .change")
        answer(browser, remote="", product="A mouse", maskedInterfaces="2")
        second = lambda: api(browser, path)[1]
        until(30, lambda: (second()["remote"], second()["product"], second()["maskedInterfaces"]) == (None, "A mouse", 2), lambda: f"{second()}")
        browser.click("#usbfilters tr[data-name=first] button", "Remove")
        until(30, lambda: [one["name"] for one in api(browser, path)] == ["second"], lambda: f"{filters()}")
    browser.click("#sharedfolders .add")
    answer(browser, name="for all", path="/tmp", writable=False)
    browser.click("#sharedfolders tr[data-name='for all'] button", "Remove")
    until(30, lambda: api(browser, "sharedfolders") == [], "the folder is still there")


def everything_story(browser, machine, folder):
    """What the command line can do to a machine that is off."""
    show = lambda: api(browser, f"machines/{machine}")
    go = lambda place: browser.run(f"location.hash = '{place}'")

    # Values with blanks, empty values, and options with several.
    go(f"#/m/{machine}/settings")
    for value in ("two words, one value", ""):
        browser.fill("#option-name", "description")
        browser.fill("#option-values input", value)
        browser.click("#option-set")
        until(30, lambda: show()["description"] == value, lambda: f"the description is {show()['description']!r}")
    browser.fill("#option-name", "uart1")
    browser.click("#option-values button", "+")
    browser.wait("two values", "document.querySelectorAll('#option-values input').length === 2")
    browser.run("(() => { const [a, b] = document.querySelectorAll('#option-values input'); a.value = '0x3F8'; b.value = '4'; })()")
    browser.click("#option-set")
    until(30, lambda: show()["serialPorts"][0]["enabled"], "the serial port is not there")
    if "not there yet" in browser.run("document.querySelector('#set-firmware').textContent"):
        raise Wrong("EFI is there")
    browser.fill("#set-clipboardmode", "bidirectional")
    browser.click("#settings button")
    until(30, lambda: show()["hardware"]["clipboardmode"] == "bidirectional", "the clipboard's way is not kept")

    # A controller and a drive with all that they have.
    go(f"#/m/{machine}/storage")
    browser.click(".card[data-name=SATA] .controller-settings")
    answer(browser, name="SATA one", ports="4", hostIOCache=True)
    controller = lambda: next(one for one in show()["controllers"] if one["bus"] == "sata")
    until(30, lambda: (controller()["name"], controller()["ports"], controller()["hostIOCache"]) == ("SATA one", 4, True), lambda: f"{controller()}")
    place = browser.run("[...document.querySelectorAll('.drive-settings')].map((e) => e.closest('tr')).find((e) => e.textContent.includes('Disk')).dataset.place")
    browser.click(f"tr[data-place='{place}'] .drive-settings")
    answer(browser, type="writethrough", nonrotational=True, discard=False, hotPluggable=True)
    drive = lambda: next(one for card in show()["controllers"] for one in card["drives"] if one["kind"] == "hdd")
    until(30, lambda: (drive()["type"], drive()["nonrotational"], drive()["hotPluggable"]) == ("Writethrough", True, True), lambda: f"{drive()}")

    # Its medium: description, properties, a check, another place.
    path = drive()["path"]
    row = lambda name: f"tr[data-path='{name}']"
    go("#/media")
    browser.click(f"{row(path)} .details")
    answer(browser, type="normal", properties="CRYPT/x=y = z")
    medium = lambda: api(browser, f"media/{drive()['medium']}")
    until(30, lambda: (medium()["type"], medium()["properties"]) == ("Normal", {"CRYPT/x": "y = z"}), lambda: f"{medium()}")
    browser.click(f"{row(path)} .move")
    answer(browser, path=f"{folder}/moved.img")
    until(60, lambda: drive()["path"] == f"{folder}/moved.img" and os.path.exists(f"{folder}/moved.img"), lambda: f"{drive()}")
    path = drive()["path"]
    browser.click(f"{row(path)} .check")
    answer(browser, repair=False)
    browser.wait("the verdict", "document.querySelector('#notices').textContent.includes('has no errors')")

    # What it holds, part by part.
    browser.click(f"{row(path)} .bytes")
    browser.wait("the first bytes", "document.querySelector('#bytes')?.textContent.startsWith('0000000000000000: 31 c0 8e d8')")
    browser.click("#ask-ok")
    browser.wait("the next", "document.querySelector('#bytes')?.textContent.startsWith('0000000000000200: 00')")
    browser.click("dialog button", "Cancel")

    # A linked clone of a snapshot.
    go(f"#/m/{machine}/snapshots")
    browser.click("#take-snapshot")
    answer(browser, name="base")
    browser.wait("the snapshot", "document.querySelector('#snapshot-tree li[data-name=base] .now') !== null")
    snapshot = api(browser, f"machines/{machine}/snapshots")[0]["uuid"]
    go(f"#/m/{machine}")
    browser.click("#clone")
    answer(browser, name="linked one", snapshot=snapshot, linked=True, addresses="keepall")
    named = lambda name: [one for one in api(browser, "machines") if one["name"] == name]
    until(120, lambda: named("linked one"), "there is no clone")
    clone = named("linked one")[0]["uuid"]
    image = next(one for card in api(browser, f"machines/{clone}")["controllers"] for one in card["drives"] if one["kind"] == "hdd")
    if not api(browser, f"media/{image['medium']}")["parent"]:
        raise Wrong("the clone is not linked")

    # Export, a look at what an import would make, and the import of half of it.
    go(f"#/m/{machine}")
    browser.click("#export")
    answer(browser, path=f"{folder}/story.ova", format="2.0", manifest=True, product="A browser's machine", version="7")
    until(120, lambda: any(one["state"] == "done" and "story.ova" in one["title"] for one in api(browser, "tasks")), "the export does not end")
    go("#/")
    browser.click("#import")
    choose(browser, f"{folder}/story.ova")
    browser.wait("the preview", "document.querySelector('dialog fieldset')?.textContent.includes('disk')")
    if "browser" not in browser.run("document.querySelector('#ask-name0').value"):
        raise Wrong("the preview has another name")
    browser.run("[...document.querySelectorAll('dialog fieldset label')].find((e) => e.textContent.includes('network:'))?.querySelector('input').click()")
    answer(browser, name0="imported one", memory0="72")
    until(120, lambda: named("imported one"), "nothing was imported")
    until(60, lambda: all(one["state"] != "running" for one in api(browser, "tasks")), "the import does not end")
    imported = api(browser, f"machines/{named('imported one')[0]['uuid']}")
    if imported["memory"] != 72 or any(card["enabled"] for card in imported["adapters"]):
        raise Wrong(f"imported: {imported['memory']} MiB, {imported['adapters'][0]}")

    # Out of the registry and in again; then gone with its files.
    go(f"#/m/{imported['uuid']}")
    browser.click("#remove")
    answer(browser, files="keep")
    until(30, lambda: not named("imported one"), "it is still there")
    go("#/")
    browser.click("#register")
    choose(browser, imported["settingsFile"])
    until(30, lambda: named("imported one"), "it is not there again")
    for name in ("imported one", "linked one"):
        go(f"#/m/{named(name)[0]['uuid']}")
        browser.wait("the machine", f"document.querySelector('h1')?.textContent.includes({json.dumps(name)})")
        browser.click("#remove")
        answer(browser, files="media")
        until(30, lambda: not named(name), f"{name} is still there")
    if os.path.exists(imported["settingsFile"]):
        raise Wrong("the files of a removed machine are still there")

    # Networks: ports, what a DHCP server tells, services.
    go("#/networks")
    browser.click("#natnetworks tr[data-name=lab] .forwards")
    answer(browser, name="web", hostPort="8080", guest="10.0.3.15", guestPort="80")
    browser.wait("the list", "document.querySelector('#natnetworks tr[data-name=lab] .forwards') !== null")
    until(30, lambda: [rule["rule"] for rule in api(browser, "natnetworks")[0]["forwards"]] == ["web,tcp,127.0.0.1,8080,10.0.3.15,80"],
          lambda: f"{api(browser, 'natnetworks')}")
    lab = lambda: next(one for one in api(browser, "natnetworks") if one["name"] == "lab")
    browser.click("#natnetworks tr[data-name=lab] .forwards")
    answer(browser, family="6", name="six", host="::1", guest="fd17::4")
    until(30, lambda: [rule["rule"] for rule in lab()["forwards6"]] == ["six,tcp,::1,2222,fd17::4,22"], lambda: f"{lab()}")
    browser.click("#natnetworks tr[data-name=lab] .loopbacks")
    answer(browser, address="127.0.0.1", offset="2")
    until(30, lambda: lab()["loopbacks"] == [{"address": "127.0.0.1", "offset": 2}], lambda: f"{lab()}")
    # A page that is opened anew has it for certain.
    go("#/tasks")
    browser.wait("another page", "document.querySelector('#natnetworks') === null")
    go("#/networks")
    browser.click("#natnetworks tr[data-name=lab] .loopbacks")
    answer(browser, what="loopbacks/127.0.0.1")
    until(30, lambda: lab()["loopbacks"] == [], lambda: f"{lab()}")
    browser.click("#natnetworks tr[data-name=lab] .start")
    browser.wait("the network's service", "document.querySelector('#notices').textContent.includes('lab runs')")
    browser.click("#natnetworks tr[data-name=lab] .stop")
    browser.wait("its end", "document.querySelector('#notices').textContent.includes('lab has ended')")
    browser.click("#dhcpservers .add")
    answer(browser, name="inner")
    browser.click("#dhcpservers tr[data-name=inner] .scopes")
    answer(browser, scope="mac:080027000001", options="15=example.org\n66=10.0.0.1", address="192.168.56.150", lease="600",
           forced="66, 67", suppressed="12", maximumLease="900")
    told = lambda: next(one for one in api(browser, "dhcpservers") if one["name"] == "inner")["scopes"]
    until(30, lambda: told() and (told()[0]["address"], told()[0]["lease"], [one["number"] for one in told()[0]["options"]]) == ("192.168.56.150", 600, [15, 66]),
          lambda: f"{told()}")
    lists = lambda: (told()[0]["forced"], told()[0]["suppressed"], told()[0]["maximumLease"])
    until(30, lambda: lists() == ([66, 67], [12], 900), lambda: f"{told()}")
    # They show, and one goes.
    browser.click("#dhcpservers tr[data-name=inner] .scopes")
    shown = browser.wait("the forced options", "document.querySelector('#ask-forced')?.value")
    if shown != "66 67":
        raise Wrong(f"forced options: {shown}")
    answer(browser, forced="67")
    until(30, lambda: lists() == ([67], [12], 900), lambda: f"{told()}")
    browser.click("#dhcpservers tr[data-name=inner] .leases")
    answer(browser)
    browser.click("#hostonlyinterfaces .add")
    browser.wait("the interface", "document.querySelector('#hostonlyinterfaces tr[data-name=vboxnet0]') !== null")
    browser.click("#hostonlyinterfaces tr[data-name=vboxnet0] button", "Change")
    answer(browser, forwards="tcp:127.0.0.1:2222-192.168.56.101:22", services=True)
    entry = lambda: api(browser, "hostonlyinterfaces")[0]
    until(30, lambda: entry()["services"] and entry()["forwards"] == ["tcp:127.0.0.1:2222-192.168.56.101:22"], lambda: f"{entry()}")
    browser.click("#hostonlyinterfaces tr[data-name=vboxnet0] .status")
    answer(browser)


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
