import errno, select, socket, sys, time
mode, own, peers = sys.argv[1], sys.argv[2], sys.argv[3:]
hears = mode == "hear"
family = socket.AF_INET6 if ":" in own else socket.AF_INET
verdicts, left, heard = {}, {}, set()
for index, peer in enumerate(peers):
    try:
        s = socket.socket(family, socket.SOCK_RAW, 112)
        s.bind((own, 0))
    except OSError:
        # Our own side: of the way to the peer nothing is known.
        verdicts[index] = "unknown"
        continue
    try:
        s.connect((peer, 0))
        s.setblocking(False)
        left[s] = index
    except OSError as error:
        verdicts[index] = "closed " + error.strerror
def send(s):
    # The first byte says whether the peer was heard: its packets alone prove no way to it.
    s.send(bytes([s in heard]) + bytes(7))
def receive(s):
    packet = s.recv(2048)
    payload = packet if family == socket.AF_INET6 else packet[(packet[0] & 15) * 4:]
    heard.add(s)
    if hears:
        return "open"
    send(s)
    return "open" if payload[:1] == b"\1" else None
def said(work, s):
    # What is to be said of the way; nothing where more is to be waited for.
    try:
        return work(s)
    except BlockingIOError:
        return None
    except OSError as error:
        if hears:
            return None
        open_way = error.errno in (errno.ENOPROTOOPT, errno.EPROTO)
        return "open" if open_way else "closed " + error.strerror
def settle(work, s):
    verdict = said(work, s)
    if verdict:
        verdicts[left[s]] = verdict
        # Who is heard may not have heard us yet.
        if not hears:
            left.pop(s)
begun, sent = time.time(), 0
patience = 3.5 if hears else 2.2
while left and time.time() - begun < patience:
    if time.time() - begun >= sent * 0.7:
        sent += 1
        for s in list(left):
            settle(send, s)
    for s in select.select(list(left), [], [], 0.1)[0]:
        settle(receive, s)
for s in left:
    verdicts.setdefault(left[s], "closed no answer")
for index in verdicts:
    print(index, verdicts[index])
