"""The words in which answers are stated, turned down and taken back: one record per language.

Words are lower case. Those of scripts that write spaces are single words, with an apostrophe where
they hold one; those of Chinese, Japanese, Korean and Thai are found anywhere in a run of text. A
word may play several parts. ``refusals`` and ``none_fits`` are regular expressions for text in
lower case; where there are ``denials``, every text that they match holds one of these.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Language:
    """What the words of one language do around an option letter.

    Each field is a string of words with spaces between them:

    - ``answer``: nouns that introduce the answer even without a verb ("Answer B").
    - ``option``: nouns for what is chosen from ("option"); they introduce it with a verb only.
    - ``copula``: what joins such a noun and a letter ("is"), or a clause and its letter ("means").
    - ``filler``: words that may stand between them and change nothing ("the", "probably").
    - ``speaker``: who chooses ("I"); ``choose``: verbs of choosing that need one; ``chosen``: verbs
      that say by themselves who chooses ("elijo", "选").
    - ``correct``, ``wrong``: verdicts on a letter. ``fits``: verbs that are one ("B fits best").
    - ``negation``: what turns around the words after it; ``instead``: what turns down the letter
      after it ("rather than B").
    - ``other``: what makes an answer somebody else's, an earlier or a second one ("initially").
    - ``hedge``: what makes it a possibility ("might"); ``if_``: what makes it a condition.
    - ``because``, ``so``: words that begin a reason and a conclusion; ``revise``: that announce
      another answer ("wait"); ``but``: after a letter that was turned down ("not A but B").
    - ``or_``, ``and_``: what joins letters. ``yes``, ``no``: replies to one's own question.
    """

    name: str
    answer: str = ""
    option: str = ""
    copula: str = ""
    filler: str = ""
    speaker: str = ""
    choose: str = ""
    chosen: str = ""
    correct: str = ""
    wrong: str = ""
    fits: str = ""
    negation: str = ""
    instead: str = ""
    other: str = ""
    hedge: str = ""
    if_: str = ""
    because: str = ""
    so: str = ""
    revise: str = ""
    but: str = ""
    or_: str = ""
    and_: str = ""
    yes: str = ""
    no: str = ""
    denials: tuple[str, ...] = ()
    refusals: tuple[str, ...] = ()
    none_fits: tuple[str, ...] = ()


ENGLISH = Language(
    name="en",
    answer="answer answers ans solution verdict conclusion prediction final",
    option="option options choice choices selection response pick guess vote letter best match"
    " truth statement candidate closest label",
    copula="is was were are be being been as it's that's means equals remains corresponds matches match"
    " points point aligns supports support leads indicates suggests leaves leaving gives makes"
    " yields becomes seems",
    filler="the a an option options choice letter answer answers number either both only just simply"
    " clearly more most likely probably definitely certainly actually therefore thus hence indeed"
    " also still then now correct right best accurate accurately labelled labeled with that it it's"
    " is be must i'd say choose pick believe i think to of for us has should would can only final"
    " closest highly very perhaps maybe one statement my going toward towards",
    speaker="i we i'd i'll i'm i've let's we'd we'll my me",
    choose="choose chose chosen choosing select selected selecting pick picked picking go going went"
    " opt opting vote settle settled lean leaning say answer guess conclude bet believe think stick"
    " changed change changing revise revised switch switched choosen",
    chosen="selected picked chosen",
    correct="correct right true accurate best answer truth proper closest ideal",
    wrong="wrong incorrect incorrectly false inaccurate untrue out eliminated excluded discarded"
    " dismissed unlikely impossible invalid implausible contradicted unsupported irrelevant"
    " contradicts fails fail misses lacks absent worse worst wrongly unseen",
    fits="fits fit matches match works describes aligns agrees holds captures reflects represents"
    " answers summarizes summarises corresponds",
    negation="not never neither nor cannot no isn't aren't wasn't weren't doesn't don't didn't can't"
    " couldn't shouldn't wouldn't won't without hardly none ain't doubt",
    instead="than instead unlike versus vs over from discard dismiss exclude excluding eliminate"
    " eliminating eliminates rule ruled ruling rules out reject rejected rejecting avoid",
    other="nd rd second third next alternative alternatively runner-up other another least worst initial"
    " initially originally original first earlier previous previously draft distractor tempting"
    " tempted trap mistake mistaken mistakenly someone people others you wrong incorrect incorrectly"
    " opposite unlikely false inaccurate though",
    hedge="might may could possibly perhaps tempting plausible also seem look appear",
    if_="if unless whether had suppose supposing assuming were",
    because="because since as due given explanation",
    so="so thus therefore hence consequently accordingly finally ultimately overall",
    revise="wait actually correction sorry mean scratch rather no finally final revised conclusion"
    " guess forced",
    but="but it's it is rather",
    or_="or nor to through",
    and_="and",
    yes="yes true correct right yep ok",
    no="no false incorrect wrong nope not",
    denials=(
        *(" no ", "not", "n't", "unable", "sorry", "too ", "hard ", "difficult", "impossible"),
        *("please", "unclear", "insufficient", "missing", "incomplete", "as an ai", "none"),
        *("neither", "all of the", "both of the", "mistake", "error", "undefined", "n/a"),
    ),
    refusals=(
        r"\b(?:can(?:no|')t|can not|could(?:n't| not)|unable to|not able to|(?:im|not )possible to"
        r"|hard to|difficult to)\s+(?:\w+\s+){0,3}?(?:determine|answer|tell|see|identify|provide"
        r"|choose|view|verify|access|assist|help|process|analy[sz]e|watch|be (?:determined|answered"
        r"|provided)|say|know|confirm|decide|make out|conclude|select|pick|recogni[sz]e|find"
        r"|calculate|solve)\b",
        r"\b(?:do(?:es)? not|don't|doesn't|won't|will not) (?:allow|answer|permit)\b",
        r"\btoo \w+ (?:for me )?to (?:tell|see|determine|make out|say)\b",
        r"\b(?:i|we) (?:do not|don't) (?:know|have)\b|\bi'm sorry\b|\bsorry, (?:but )?i\b",
        r"\b(?:not (?:provide |contain |have |give )?(?:me )?enough|insufficient|no) "
        r"(?:information|context|evidence|data)\b|\bnot provide (?:any )?information\b",
        r"\bno (?:image|video|picture|frames?)\b.{0,20}\b(?:provided|attached|given|shown"
        r"|available)\b",
        r"\bplease (?:upload|provide|share|attach)\b|\bas an ai\b|\bunclear\b"
        r"|\binformation .{0,40}is (?:insufficient|missing|not (?:given|provided))\b"
        r"|\bquestion (?:is|seems to be) (?:not valid|incomplete|missing|unclear)\b",
    ),
    none_fits=(
        r"\b(?:none|neither) of (?:the |these |those )?(?!other)(?:\w+ )?"
        r"(?:above|options?|choices?|answers?|organisms?)\b|\bnone of (?:these|those|them)[.!\s]*$",
        r"\ball of the above\b|\bboth of the above\b|^\s*neither\W*$",
        r"\bno (?:correct |given |listed |valid |matching )?(?:option|choice|answer)s? (?:is|are"
        r"|fits?|match(?:es)?|for|among|given|provided|available|in)\b",
        r"\b(?:not|isn't|n't) (?:\w+ ){0,4}?(?:in|among|within|on|one of|an?|any of|match|provided"
        r"|listed|available|given|part of)\b(?: \w+){0,4}? (?:option|choice|list)s?\b",
        r"\b(?:options?|choices?)(?: \w+){0,3} (?:is|are) not (?:\w+ )?(?:available|listed|provided"
        r"|given|there|in|among|correct)\b",
        r"\b(?:answer|result|value) (?:is|was) not (?:available|listed|provided|given|there)\b",
        r"\b(?:options?|choices?) (?:\w+ )?(?:do|does) not (?:match|include|contain|meet|fit)\b",
        r"\b(?:mistake|error) in (?:the|this) (?:question|problem|options|choices|image)\b",
        r"\b(?:answer|x|value) is (?:n/a|none|undefined)\b|\(none\)",
    ),
)

OTHERS = (
    Language(
        name="de",
        answer="antwort lösung",
        option="auswahl wahl möglichkeit",
        copula="ist lautet wäre sind",
        filler="die der das den antwort option es also klar eindeutig auf für mich somit dann",
        speaker="ich wir",
        choose="wähle nehme glaube denke tippe entscheide",
        correct="richtig richtige richtigen korrekt korrekte",
        wrong="falsch falsche scheidet scheiden unmöglich",
        negation="nicht kein keine keinen nie",
        instead="statt anstatt",
        if_="wenn falls ob",
        because="weil da denn",
        so="folglich daher also somit",
        revise="nein moment doch",
        but="sondern",
        or_="oder bis",
        and_="und",
        yes="ja",
        no="nein",
        refusals=(r"kann (?:ich )?nicht|nicht (?:bestimm|erkenn|möglich)\w*",),
        none_fits=("keine der",),
    ),
    Language(
        name="fr",
        answer="réponse",
        option="choix",
        copula="est serait c'est",
        filler="la le les l'option réponse l' donc clairement plutôt bien de du d' s'agit",
        speaker="je j' nous j'opte",
        choose="choisis opte pense crois prends",
        correct="correcte correct bonne exacte juste",
        wrong="fausse faux incorrecte mauvaise",
        negation="pas n'est non",
        because="car parce",
        so="donc ainsi",
        revise="non attendez plutôt",
        but="mais",
        or_="ou",
        and_="et",
        yes="oui vrai",
        no="non faux",
        refusals=(r"ne peux pas|impossible de",),
        none_fits=("aucune des",),
    ),
    Language(
        name="es",
        answer="respuesta",
        option="opción alternativa elección",
        copula="es sería son está",
        filler="la el las los respuesta opción letra correcta correcto por lo tanto",
        speaker="yo",
        choose="creo",
        chosen="elijo escojo selecciono",
        correct="correcta correcto verdadera cierta",
        wrong="incorrecta incorrecto falsa",
        negation="no nunca",
        because="porque",
        so="tanto",
        revise="no espera",
        but="sino",
        or_="o u",
        and_="y",
        yes="sí",
        no="no",
        refusals=(r"no puedo|no se puede",),
        none_fits=("ninguna de",),
    ),
    Language(
        name="pt",
        answer="resposta",
        option="opção escolha alternativa",
        copula="é seria são",
        filler="a o as os resposta opção letra alternativa correta certa",
        chosen="escolho seleciono",
        correct="correta certa correto certo",
        wrong="incorreta errada errado",
        negation="não",
        so="portanto",
        because="porque pois",
        revise="não espera",
        but="mas",
        or_="ou",
        and_="e",
        yes="sim",
        no="não",
        refusals=(r"não (?:consigo|posso|é possível)",),
        none_fits=("nenhuma das",),
    ),
    Language(
        name="it",
        answer="risposta",
        option="opzione scelta",
        copula="è sarebbe",
        filler="la il le lo l' risposta opzione l'opzione lettera corretta giusta",
        chosen="scelgo",
        correct="corretta corretto giusta giusto",
        wrong="sbagliata errata sbagliato",
        negation="non",
        so="quindi",
        because="perché",
        revise="no aspetta",
        but="ma bensì",
        or_="o",
        and_="e",
        yes="sì",
        no="no",
        refusals=(r"non (?:posso|è possibile|riesco)",),
        none_fits=("nessuna delle",),
    ),
    Language(
        name="nl",
        answer="antwoord",
        option="optie keuze",
        copula="is",
        filler="het de optie",
        speaker="ik",
        choose="kies",
        correct="juist juiste goed",
        wrong="onjuist fout",
        negation="niet geen",
        because="omdat want",
        or_="of",
        and_="en",
    ),
    Language(
        name="pl",
        answer="odpowiedź odpowiedz",
        copula="jest",
        filler="opcja to",
        correct="poprawna prawidłowa",
        negation="nie",
        or_="lub albo",
        and_="i",
    ),
    Language(
        name="ru",
        answer="ответ",
        option="вариант выбор",
        copula="является будет это",
        filler="вариант буква это",
        speaker="я",
        chosen="выбираю",
        correct="верный верен верно верная правильный правильно правильная",
        wrong="неверно неверный неправильно неправильный",
        negation="не",
        because="так потому",
        so="значит поэтому",
        but="а",
        or_="или",
        and_="и",
        yes="да",
        no="нет",
        refusals=(r"не могу|невозможно",),
        none_fits=("ни один из",),
    ),
    Language(name="uk", answer="відповідь", option="варіант", correct="правильна", negation="не"),
    Language(
        name="tr",
        answer="cevap cevabı yanıt",
        option="seçenek şık",
        correct="doğru",
        because="dir dır",
        wrong="yanlış",
        negation="değil",
        or_="veya",
        and_="ve",
    ),
    Language(
        name="id",
        answer="jawaban jawabannya",
        option="pilihan",
        copula="adalah",
        filler="yang opsi",
        correct="benar tepat",
        wrong="salah",
        negation="bukan tidak",
        or_="atau",
        and_="dan",
    ),
    Language(
        name="vi",
        answer="án",
        copula="là",
        filler="đúng",
        correct="đúng",
        wrong="sai",
        negation="không",
        or_="hoặc",
        and_="và",
    ),
    Language(name="el", answer="απάντηση", copula="είναι", correct="σωστή", negation="δεν"),
    Language(
        name="ar",
        answer="الإجابة الاجابة الجواب إجابة",
        option="الخيار",
        copula="هي هو",
        filler="الخيار الصحيحة الصحيح",
        speaker="أنا",
        chosen="أختار",
        correct="صحيح صحيحة الصحيح الصحيحة",
        wrong="خاطئ خطأ",
        negation="ليس ليست",
        or_="أو",
        and_="و",
        refusals=("لا أستطيع|لا يمكن",),
    ),
    Language(
        name="hi",
        answer="उत्तर जवाब",
        option="विकल्प",
        copula="है",
        filler="सही विकल्प",
        correct="सही",
        wrong="गलत",
        negation="नहीं",
        because="क्योंकि है",
        or_="या",
        and_="और",
    ),
    Language(
        name="th", answer="คำตอบ", copula="คือ", filler="ข้อ ที่ถูกต้อง", correct="ถูกต้อง", or_="หรือ"
    ),
    Language(
        name="zh",
        answer="答案 解答 回答 答",
        option="选项 選項 项 項 选择",
        copula="是 为 為 选 選 应该是 应为 應為 应选 應選 应该选 应当是 等于 对应",
        filler="选项 選項 选 選 选择 应该 的 应 最可能",
        chosen="我选 应选 應選 应该选 应该选择 选择 选 選",
        correct="正确 正確 对的 符合 准确 合适 是对的",
        wrong="错误 錯誤 有误 不正确 不对 不符合 错 不准确 不合适",
        negation="不是 不选 不選 并非 不能 不",
        instead="排除 而不是 不应选",
        if_="如果 假如",
        because="因为 因為",
        so="因此 所以 故 综上",
        revise="等等 不对",
        but="而是 而应 但是 但",
        or_="或者 或",
        and_="和 与 及",
        refusals=("无法|無法|不能确定|抱歉|对不起|不知道|看不清",),
        none_fits=(
            "以上(?:都|皆|均)不|都不(?:对|正确|是)|无选项|没有正确|没有(?:符合|对应|给出)",
            "不在(?:给出的)?选项|选项中(?:并)?没有|选项(?:有误|错误)|(?:没有|无)(?:正确|合适)?(?:的)?(?:答案|选项)",
            "无解|可能是?题目",
        ),
    ),
    Language(
        name="ja",
        answer="正解 答え",
        option="選択肢",
        copula="は が の",
        filler="選択肢 の",
        chosen="選ぶ 選びます",
        correct="正解 正しい",
        wrong="間違い 誤り 不正解",
        negation="ではない でない ではなく",
        because="だから です",
        so="したがって",
        or_="または か",
        and_="と や",
        refusals=("分かりません|わかりません|判断できません|できません",),
        none_fits=("どれでもない",),
    ),
    Language(
        name="ko",
        answer="정답 답",
        option="선택지",
        copula="은 는",
        filler="선택지",
        correct="정답 맞",
        wrong="틀",
        negation="아니 아닙",
        because="입니다",
        so="따라서",
        or_="또는",
        and_="와 과",
        refusals=("알 수 없|할 수 없",),
        none_fits=("해당 없음",),
    ),
)

LANGUAGES = (ENGLISH, *OTHERS)
