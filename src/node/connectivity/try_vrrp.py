import errno, select, socket, sys, time
mode, own, peers = sys.argv[1], sys.argv[2], sys.argv[3:]
hears = mode == "hear"
family = socket.AF_INET6 if ":" in own else socket.AF_INET
verdicts, left = {}, {}
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
def answers(work):
    # Whether it was a packet, or what is to be said of the way; nothing where more is to be waited for.
    try:
        work()
        return True
    except BlockingIOError:
        return None
    except OSError as error:
        if hears:
            return None
        open_way = error.errno in (errno.ENOPROTOOPT, errno.EPROTO)
        return "open" if open_way else "closed " + error.strerror
begun, sent = time.time(), 0
patience = 3.5 if hears else 2.2
while left and time.time() - begun < patience:
    if time.time() - begun >= sent * 0.7:
        sent += 1
        for s in list(left):
            said = answers(lambda: s.send(bytes(8)))
            if isinstance(said, str):
                verdicts[left.pop(s)] = said
    for s in select.select(list(left), [], [], 0.1)[0]:
        said = answers(lambda: s.recv(2048))
        if said is not None:
            verdicts[left[s]] = "open" if said is True else said
            # Who is heard may not have heard us yet.
            if not hears:
                left.pop(s)
for s in left:
    verdicts.setdefault(left[s], "closed no answer")
for index in verdicts:
    print(index, verdicts[index])
