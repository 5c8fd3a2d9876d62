"""Stands for the whole outside world: answers every name with its own address, and writes down who came. witness.py ADDRESS LOG FOLDER"""
import http.server, socket, socketserver, struct, sys, threading

address, log_path, folder = sys.argv[1:4]
log = open(log_path, "a", buffering=1)
PORTS = [80, 443, 554, 1935, 3478, 8000, 8080, 5349, 21]


def names():
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((address, 53))
    while True:
        query, peer = server.recvfrom(4096)
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1 : at + 1 + query[at]].decode("latin1"))
            at += 1 + query[at]
        question = query[12 : at + 5]
        kind = struct.unpack(">H", query[at + 1 : at + 3])[0]
        print("name", ascii(".".join(labels))[1:-1], file=log)
        answers = 1 if kind == 1 else 0
        reply = query[:2] + struct.pack(">HHHHH", 0x8180, 1, answers, 0, 0) + question
        if answers:
            reply += b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + socket.inet_aton(address)
        server.sendto(reply, peer)


def datagrams(port):
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((address, port))
    while True:
        server.recvfrom(4096)
        print("datagram", port, file=log)


def connections(host, port):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    server = socket.socket(family, socket.SOCK_STREAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((host, port))
    server.listen(64)
    while True:
        client, _ = server.accept()
        threading.Thread(target=first_line, args=(client, host, port), daemon=True).start()


def first_line(client, host, port):
    client.settimeout(2)
    try:
        text = client.recv(300)
    except OSError:
        text = b""
    print("connection", host, port, ascii(text.split(b"\r\n")[0][:60]), file=log)
    try:
        client.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\naccess-control-allow-origin: *\r\nconnection: close\r\n\r\n")
    except OSError:
        pass
    client.close()


class Page(http.server.SimpleHTTPRequestHandler):
    """Serves the page of the control run; its reports are of no interest."""

    def __init__(self, *args):
        super().__init__(*args, directory=folder)

    def log_message(self, *args):
        pass

    def do_POST(self):
        text = self.rfile.read(int(self.headers.get("content-length", 0)))
        print("report", ascii(text[:200]), file=log)
        self.send_response(200)
        self.end_headers()


threading.Thread(target=names, daemon=True).start()
for port in (3478, 443):
    threading.Thread(target=datagrams, args=(port,), daemon=True).start()
for host in (address, "127.0.0.1", "::1"):
    for port in PORTS:
        threading.Thread(target=connections, args=(host, port), daemon=True).start()
print("ready", file=log)
socketserver.ThreadingTCPServer((address, 8088), Page).serve_forever()
