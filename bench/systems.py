"""Figure 7: how fast other systems' exports are read and checked, and in how much memory.

All users are read by the process that reads sources, and checked by ours, as a run does it.
"""

import csv
import random
import string
from statistics import median

from figures import at_least, at_most
from reading import MIB, read

LETTERS = string.ascii_letters + string.digits
FREEPBX = (
    "extension,password,name,voicemail,ringtimer,noanswer,recording,outboundcid,sipname,"
    "noanswer_cid,busy_cid,chanunavail_cid,noanswer_dest,busy_dest,chanunavail_dest,mohclass,id,"
    "tech,dial,devicetype,user,description,emergency_cid,hint_override,cwtone,accountcode,allow,"
    "avpf,bundle,callerid,context,defaultuser,direct_media,disallow,dtmfmode,force_rport,mailbox,"
    "max_contacts,md5_cred,media_encryption,qualifyfreq,rtp_symmetric,secret,sipdriver,transport,"
    "trustrpid,callwaiting_enable,voicemail_enable,voicemail_vmpwd,voicemail_email"
)
KAMAILIO = ("id", "username", "domain", "password", "ha1", "ha1b")


def measure(_vendor, folder, *, few, rows, rounds):
    """Yield users a second for each shape, and how memory grows."""
    for system, suffix, write, aim in (
        ("freepbx", ".csv", freepbx, 50_000),
        ("kamailio", ".csv", kamailio, 50_000),
        ("asterisk-sip", ".conf", sip, 15_000),
        ("asterisk-pjsip", ".conf", pjsip, 15_000),
        ("freeswitch", ".xml", freeswitch, 15_000),
    ):
        many, less = folder / f"{system}{suffix}", folder / f"{system}-few{suffix}"
        write(many, rows)
        write(less, few)
        ran = [read(system, many) for _ in range(rounds)]
        assert {one["rows"] for one in ran} == {rows}
        seconds = sorted(one["seconds"] for one in ran)
        speed = rows / median(seconds)
        took = f"{speed:,.0f} ({rows / seconds[-1]:,.0f} to {rows / seconds[0]:,.0f})"
        yield at_least(f"7  {rows:,} users of {system}{suffix}: users/s", aim, speed, took)
        small = read(system, less)
        grown = (ran[0]["peak"] + ran[0]["child"]) / (small["peak"] + small["child"])
        shown = f"{grown:.2f} ({(ran[0]['peak'] + ran[0]['child']) / MIB:.0f} MiB)"
        yield at_most(f"7  memory of both for {rows:,} / for {few:,}", 1.5, grown, shown)
        many.unlink()


def users(count):
    """Yield a number, a password and a name for each user."""
    choose = random.Random(1)
    for number in range(1, count + 1):
        yield 1_000_000 + number, "".join(choose.choices(LETTERS, k=16)), f"First Last{number}"


def freepbx(path, count):
    """Write what the Bulk Handler exports: fifty columns, of which a few matter."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, FREEPBX.split(","), restval="")
        writer.writeheader()
        for number, password, name in users(count):
            row = {"extension": number, "id": number, "user": number, "name": name}
            row |= {"description": name, "tech": "pjsip", "dial": f"PJSIP/{number}"}
            row |= {"devicetype": "fixed", "callerid": f"{name} <{number}>", "secret": password}
            row |= {"context": "from-internal", "dtmfmode": "rfc4733", "sipdriver": "chan_pjsip"}
            row |= {"mailbox": f"{number}@device", "max_contacts": 1, "voicemail_vmpwd": "7531"}
            row |= {"transport": "0.0.0.0-udp", "voicemail_email": f"{number}@example.com"}
            writer.writerow(row)


def kamailio(path, count):
    """Write a table of subscribers."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(KAMAILIO)
        for number, password, _ in users(count):
            writer.writerow([number, number, "sip.example.com", password, "0" * 32, "1" * 32])


def sip(path, count):
    """Write a sip.conf with a template."""
    with path.open("w") as file:
        file.write("[general]\ncontext=public\n[phone](!)\ntype=friend\nhost=dynamic\n")
        for number, password, name in users(count):
            file.write(
                f'\n[{number}](phone)\ncallerid="{name}" <{number}>\nsecret={password}\n'
                f"mailbox={number}@default ; voicemail\n"
            )


def pjsip(path, count):
    """Write a pjsip.conf: endpoint, auth and aor of each user."""
    with path.open("w") as file:
        file.write("[phone](!)\ntype=endpoint\ncontext=from-internal\n")
        for number, password, name in users(count):
            file.write(
                f'\n[{number}](phone)\nauth={number}\naors={number}\ncallerid="{name}" <{number}>\n'
                f"[{number}]\ntype=auth\nauth_type=userpass\nusername={number}\n"
                f"password={password}\n[{number}]\ntype=aor\nmax_contacts=1\n"
            )


def freeswitch(path, count):
    """Write a directory of one domain."""
    with path.open("w") as file:
        file.write('<include><domain name="sip.example.com"><groups><group name="all"><users>\n')
        for number, password, name in users(count):
            file.write(
                f'<user id="{number}"><params><param name="password" value="{password}"/>'
                '<param name="vm-password" value="1234"/></params><variables>'
                f'<variable name="effective_caller_id_name" value="{name}"/>'
                '<variable name="user_context" value="default"/></variables></user>\n'
            )
        file.write("</users></group></groups></domain></include>\n")
