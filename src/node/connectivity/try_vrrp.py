import errno, select, socket, sys, time
own, peers = sys.argv[1], sys.argv[2:]
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
begun, sent = time.time(), 0
def settle(s, work):
    try:
        work()
    except BlockingIOError:
        return
    except OSError as error:
        open_way = error.errno in (errno.ENOPROTOOPT, errno.EPROTO)
        verdicts[left.pop(s)] = "open" if open_way else "closed " + error.strerror
        return True
    return False
while left and time.time() - begun < 2.2:
    if time.time() - begun >= sent * 0.7:
        sent += 1
        for s in list(left):
            settle(s, lambda: s.send(bytes(8)))
    for s in select.select(list(left), [], [], 0.1)[0]:
        if settle(s, lambda: s.recv(2048)) is False:
            verdicts[left.pop(s)] = "open"
for s in left:
    verdicts[left[s]] = "closed no answer"
for index in verdicts:
    print(index, verdicts[index])
